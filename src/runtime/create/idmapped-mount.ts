// Id-mapped mounts of what earlier mounts of the same container made: only the child sees the source, only the parent may map its ids.
// Both halves, loaded on demand. The parent takes the descriptors by pidfd_getfd, as it does a seccomp listener: the answer is no message of the
// channel, where `ready` may be on its way already.

import { POLLIN } from "../../abi/poll.ts";
import { StepError } from "../../base/errors.ts";
import { IdmapNamespaces, mapTree } from "../../rootfs/idmap.ts";
import type { SourceOp } from "../../rootfs/ops.ts";
import { eventfd } from "../../sys/eventfd.ts";
import type { Fd } from "../../sys/fd.ts";
import { writeAll } from "../../sys/file.ts";
import { poll } from "../../sys/poll.ts";
import { numberToTake, pidfd_getfd, type Child } from "../../sys/process.ts";
import { send, type ChildMessage } from "../channel/messages.ts";

/** The child: returns once it is done. Where it fails the parent does, and we with it. */
export function haveMapped(channel: Fd, tree: Fd, source: SourceOp): void {
  using mapped = eventfd();
  send(channel, { kind: "map", tree: numberToTake(tree), mapped: numberToTake(mapped), source });
  poll([{ fd: mapped, events: POLLIN }]);
}

/** @throws StepError with EINVAL when the source's file system cannot, EPERM when it is id-mapped already */
export function mapForChild(
  { pidfd }: Child,
  { tree, mapped, source }: Extract<ChildMessage, { readonly kind: "map" }>,
): void {
  using namespaces = new IdmapNamespaces();
  using taken = pidfd_getfd(pidfd, tree);
  using told = pidfd_getfd(pidfd, mapped);
  try {
    mapTree(taken, source, namespaces);
  } catch (error) {
    throw new StepError(`bind source of ${source.destination}`, error, source.why);
  }
  writeAll(told, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), "eventfd"); // [kernel] a number of 64 bits; all 1 would be too much
}
