// <linux/sysinfo.h>
// sysinfo(2).
// Memory is counted in units of mem_unit bytes.

/** struct sysinfo */
export const sysinfo = {
  size: 112,
  uptime: 0, // s64
  loads: 8, // u64[3]
  totalram: 32, // u64
  freeram: 40, // u64
  sharedram: 48, // u64
  bufferram: 56, // u64
  totalswap: 64, // u64
  freeswap: 72, // u64
  procs: 80, // u16
  totalhigh: 88, // u64
  freehigh: 96, // u64
  mem_unit: 104, // u32
} as const;
