// Types of the documents of the OCI runtime specification, made from schemas/.

export type * from "../../build/gen/config-types.ts";
