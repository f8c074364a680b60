// <linux/utsname.h>
// uname(2), sethostname(2), setdomainname(2).
// Every field is 65 bytes with its closing zero; a host or domain name is at most 64.

export const __NEW_UTS_LEN = 64;

/** struct new_utsname */
export const utsname = {
  size: 390,
  sysname: 0, // char[65]
  nodename: 65, // char[65]
  release: 130, // char[65]
  version: 195, // char[65]
  machine: 260, // char[65]
  domainname: 325, // char[65]
} as const;
