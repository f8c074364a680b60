// A container's state in the shape that clients of runc read: its keys, their order, annotations only when there are some. Last our own: why it died.

import type { PrintedState } from "../spec/types.ts";

export function printed(state: PrintedState): object {
  const { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner, oomKilled, ended } = state;
  const shown = { ociVersion, id, pid, status, bundle, rootfs, created };
  const last = { owner, ...(oomKilled !== undefined && { oomKilled }), ...(ended !== undefined && { ended }) };
  return Object.keys(annotations).length === 0 ? { ...shown, ...last } : { ...shown, annotations, ...last };
}
