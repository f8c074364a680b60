// <dlfcn.h>
// dlopen(3), as the engine's FFI takes it, and dlinfo(3).
// RTLD_NOW: a missing symbol shall fail where the library is opened.

export const RTLD_LAZY = 0x1;
export const RTLD_NOW = 0x2;
export const RTLD_GLOBAL = 0x100;
export const RTLD_LOCAL = 0x0;
export const RTLD_NODELETE = 0x1000;
export const RTLD_DI_LINKMAP = 2;
