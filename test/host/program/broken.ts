// A module that cannot be loaded: its top level throws.

import { runs } from "./counter.ts";

runs.push("broken");
if (runs.length > 0) throw new RangeError("broken at the top level");

export const never = true;
