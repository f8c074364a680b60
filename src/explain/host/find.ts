// What the files of this folder say of a config.json: where, what, and in which step `create` would hear it.

import type { Finding } from "../../spec/examine.ts";

/** A finding about this host; its pointer is into the document as it stands. */
export type HostFinding = Finding & {
  /** The step that would fail, where the pointer alone does not tell. */
  readonly step?: string;
};

/** Takes pointers of the Spec. */
export type Find = (
  level: Finding["level"],
  pointer: string,
  problem: string,
  more?: { readonly hint?: string | undefined; readonly step?: string },
) => void;
