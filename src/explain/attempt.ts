// A dry run: something is tried in a process of its own, and ends with it. So the kernel itself says whether it will allow it.

import { exit_group, clone3, unshare, waitPidfd } from "../sys/process.ts";
import { resetChildSignal } from "../sys/signal.ts";
import { SysError, StepError } from "../base/errors.ts";
import { pipe, readAll, writeAll } from "../sys/file.ts";
import { host } from "../sys/host.ts";
import { utf8 } from "../sys/memory.ts";

export type Refusal = { readonly call: string; readonly errno: number; readonly detail: string };

/**
 * Calls each of the functions in one child, which is in new namespaces of these kinds, and tells which the kernel refused.
 *
 * @param namespaces CLONE_NEW*, entered one after the other
 * @returns for each function what the kernel refused in it; undefined for one that was allowed, and for all where the child could not be made
 */
export function attempt(
  namespaces: readonly number[],
  ...actions: readonly (() => void)[]
): readonly (Refusal | undefined)[] {
  const refusals = tell(namespaces, () => actions.map((action) => refusalOf(action) ?? null));
  return actions.map((_action, i) => refusals?.[i] ?? undefined);
}

/** What `look` finds from in there; undefined where the namespaces cannot be made. @param look returns what JSON can hold */
export function tell<T>(namespaces: readonly number[], look: () => T): T | undefined {
  resetChildSignal();
  const channel = pipe();
  const child = clone3(0);
  if (child === undefined) {
    try {
      for (const kind of namespaces) unshare(kind);
      writeAll(channel.write, utf8(JSON.stringify({ found: look() })));
    } catch {
      exit_group(1);
    }
    exit_group(0);
  }
  channel.write[Symbol.dispose]();
  using read = channel.read;
  const text = host.decode(readAll(read));
  using pidfd = child.pidfd;
  waitPidfd(pidfd);
  if (text === "") return undefined;
  const answer: { readonly found: T } = JSON.parse(text);
  return answer.found;
}

/** undefined: it was allowed. @throws what is no refusal of the kernel's */
export function refusalOf(action: () => void): Refusal | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    let cause = error;
    while (cause instanceof StepError) cause = cause.cause;
    if (!(cause instanceof SysError)) throw error;
    return { call: cause.syscall, errno: cause.errno, detail: cause.detail };
  }
}
