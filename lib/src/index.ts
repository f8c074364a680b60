// @tsrun/runtime: types of config.json, a validator, the plan of a container, and a client for tsrun, runc and crun.

export type * from "./types.ts";
export * from "./config.ts";
export * from "./client.ts";
