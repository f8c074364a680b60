// @tsrun/runtime: types of config.json, a validator, the plan of a container, and a client for tsrun, runc and crun.

export * from "./pure.ts";
export * from "./client.ts";
