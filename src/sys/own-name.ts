// The name that we were called by. Callers match on some of runc's words where the program is called runc.

import { basename } from "../base/path.ts";
import { host } from "./host.ts";

export const ownName = (): string => basename(host.argv[0] ?? "tsrun");

export const asRunc = (): boolean => ownName() === "runc";
