// The half of @tsrun/runtime that needs no host and no Node: it runs in browsers too.

export type * from "./types.ts";
export * from "./config.ts";
export * from "./validate.ts";
export * from "./plan.ts";
