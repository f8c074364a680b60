// A new network namespace is most of what a clone costs, so it is begun before everything else that is planned and prepared, and is there for the child to join.

import { CLONE_NEWNET } from "../abi/sched.ts";
import { SysError } from "../base/errors.ts";
import type { Namespace } from "../spec/types.ts";
import { NamespaceInTheMaking } from "../sys/aside.ts";
import type { Fd } from "../sys/fd.ts";
import { canBeginNetwork } from "./plan.ts";

/** undefined: the clone makes it, if any. */
export function beginNetwork(namespaces: readonly Namespace[]): NamespaceInTheMaking | undefined {
  return canBeginNetwork(namespaces) ? orNot(() => new NamespaceInTheMaking(CLONE_NEWNET, "net")) : undefined;
}

/** The namespace, which the caller closes. undefined: the clone makes it, and says what was in the way. */
export function takeNetwork(begun: NamespaceInTheMaking | undefined): Fd | undefined {
  return begun && orNot(() => begun.take());
}

function orNot<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}
