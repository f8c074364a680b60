// What no module of tsrun may do: at its top level, it calls the system. Where programs are built with a heap it would be called then, and never again.

import { SYS_getpid } from "../../../src/abi/syscall.ts";
import { host } from "../../../src/sys/host.ts";

export const pid: number = host.syscall(SYS_getpid);
