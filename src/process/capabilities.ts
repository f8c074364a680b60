// Capability names as bit masks. Pure.

/** Index is the capability's number. @see capabilities(7) */
export const capabilityNames: readonly string[] = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW " +
  "IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE " +
  "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

const numbers: ReadonlyMap<string, number> = new Map(capabilityNames.map((name, number) => [name, number]));

/** The mask of `names` ("CAP_CHOWN"); names that are unknown, or that this kernel has not, go to `ignored`. */
export function capabilityMask(names: readonly string[], lastCapability: number, ignored: Set<string>): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = numbers.get(name.startsWith("CAP_") ? name.slice(4) : name);
    if (number === undefined || number > lastCapability) ignored.add(name);
    else mask |= 1n << BigInt(number);
  }
  return mask;
}
