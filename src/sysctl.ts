// Kernel parameters of the container's namespaces. Which keys are allowed is a law of spec/; here they are written.

import { O_PATH, O_DIRECTORY, O_WRONLY } from "./abi/fcntl.ts";
import { PROC_SUPER_MAGIC } from "./abi/magic.ts";
import { HostError, SpecError, StepError } from "./base/errors.ts";
import { escapePointer } from "./base/json.ts";
import type { Spec } from "./spec/types.ts";
import { openBeneath } from "./sys/beneath.ts";
import type { Fd } from "./sys/fd.ts";
import { openat, writeAll } from "./sys/file.ts";
import { fstatat, fstatfs } from "./sys/stat.ts";
import { utf8 } from "./sys/memory.ts";

/** A file below /proc/sys and what is written into it. */
export type SysctlOp = { readonly file: string; readonly value: string; readonly why: string };

/** "net.ipv4.ip_forward", or with slashes where a name has dots of its own ("net/ipv4/conf/eth0.1/forwarding"). @see sysctl.d(5) */
export function planSysctls(spec: Spec): readonly SysctlOp[] {
  return Object.entries(spec.linux.sysctl).map(([key, value]) => {
    const slash = key.indexOf("/");
    const dot = key.indexOf(".");
    const dotted = slash < 0 || (dot >= 0 && dot < slash); // the first separator decides
    const file = dotted ? key.replace(/[./]/g, (c) => (c === "." ? "/" : ".")) : key;
    return { file, value, why: `/linux/sysctl/${escapePointer(key)}` };
  });
}

/**
 * A network namespace that is joined may be our own, whose parameters are the host's: no path tells.
 * @throws SpecError in runc's words
 */
export function refuseHostNetwork(ops: readonly SysctlOp[], namespace: string): void {
  const op = ops.find(({ file }) => file.startsWith("net/"));
  if (op === undefined) return;
  const [own, joined] = [fstatat(null, "/proc/self/ns/net"), fstatat(null, namespace)];
  if (own.dev !== joined.dev || own.ino !== joined.ino) return;
  throw new SpecError([
    {
      pointer: op.why,
      problem: `sysctl "${op.file.replace(/[./]/g, (c) => (c === "/" ? "." : "/"))}" not allowed in host network namespace`,
    },
  ]);
}

/**
 * Writes the plan's values. "/" is the container's root, its /proc is the image's word:
 * [cve] CVE-2025-52881: nothing is written unless /proc is a procfs and the path stays below it without any link.
 */
export function writeSysctls(ops: readonly SysctlOp[]): void {
  if (ops.length === 0) return;
  using proc = openat(null, "/proc", O_PATH | O_DIRECTORY);
  if (fstatfs(proc).type !== PROC_SUPER_MAGIC)
    throw new StepError("write sysctls", new HostError("/proc of the container is not procfs"), ops[0]?.why);
  for (const op of ops) {
    try {
      writeSysctl(proc, op);
    } catch (error) {
      throw new StepError(`write sysctl ${op.file}`, error, op.why);
    }
  }
}

function writeSysctl(proc: Fd, { file, value }: SysctlOp): void {
  using fd = openBeneath(proc, `sys/${file}`, O_WRONLY);
  writeAll(fd, utf8(value), () => `${JSON.stringify(value)} to /proc/sys/${file}`);
}
