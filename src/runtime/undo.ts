// What a command has acquired and gives back unless it succeeds.

import { Undo } from "../base/dispose.ts";
import type { Globals } from "./globals.ts";

/** An undo that fails is a warning beside the first error. */
export const undoOf = (globals: Globals): Undo => new Undo((what, error) => globals.warn(what, error));
