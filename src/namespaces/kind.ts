// Whether the files that config.json wants joined are what it says, before anything is made. Loaded when there are any.

import { ENOTTY } from "../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY } from "../abi/fcntl.ts";
import { NS_GET_NSTYPE } from "../abi/nsfs.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { ioctl, openat } from "../sys/file.ts";
import { namespaceFlags } from "./flags.ts";
import type { NamespaceJoin } from "./plan.ts";

/** @throws StepError when nothing is there, when it is no namespace, or one of another type */
export function checkKinds(joins: readonly NamespaceJoin[]): void {
  for (const join of joins) {
    try {
      checkKind(join);
    } catch (error) {
      throw new StepError(
        `join ${join.type} namespace`,
        isErrno(error, ENOTTY) ? new HostError(`${join.path} is not a namespace`) : error,
        join.why,
      );
    }
  }
}

function checkKind({ type, flag, path }: NamespaceJoin): void {
  using file = openat(null, path, O_RDONLY | O_NONBLOCK); // whatever it is, we do not wait for it
  const kind = ioctl(file, "NS_GET_NSTYPE", NS_GET_NSTYPE, 0);
  if (kind !== flag)
    throw new HostError(
      `${path} is not a ${type} namespace but a ${Object.entries(namespaceFlags).find(([, other]) => other === kind)?.[0] ?? "newer"} one`,
    );
}
