// Lets Node run the sources: `node --import ./scripts/typescript.mjs FILE.ts`. tsx compiles them; what they import deferred is evaluated
// at once, because no release of Node defers it yet.
import { register } from "node:module";

register("./typescript-hooks.mjs", import.meta.url); // before tsx, which then finds the text without what it cannot compile
await import("tsx");
