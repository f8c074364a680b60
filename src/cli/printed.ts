// A container's state in the shape that clients of runc read: its keys, their order, annotations only when there are some.

import type { PrintedState } from "../spec/types.ts";

export function printed(state: PrintedState): object {
  const { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner } = state;
  const shown = { ociVersion, id, pid, status, bundle, rootfs, created };
  return Object.keys(annotations).length === 0 ? { ...shown, owner } : { ...shown, annotations, owner };
}
