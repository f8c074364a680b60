// Whether the mounts can be made: sources, mount points, file systems and their options, which the kernel is asked about with fsopen(2)
// and fsconfig(2). Nothing is mounted, and no superblock is made.

import { EACCES, EINVAL, ENODEV, ENOENT, ENOSYS, EPERM } from "../../abi/errno.ts";
import { CLONE_NEWNS, CLONE_NEWUSER } from "../../abi/sched.ts";
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import { isErrno, SysError } from "../../base/errors.ts";
import { resolve } from "../../base/path.ts";
import { namespaceFlags } from "../../namespaces/flags.ts";
import type { BindOp, MountOp, RootfsPlan } from "../../rootfs/plan.ts";
import type { ContainerPlan } from "../../runtime/plan/container.ts";
import type { Mount, Spec } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { readOrErrno } from "../../sys/file.ts";
import { fileTypeOrErrno } from "../../sys/stat.ts";
import { host } from "../../sys/host.ts";
import { fsconfig_set, fsopen } from "../../sys/mount.ts";
import { tell } from "../attempt.ts";
import { absence, errnoText, fileSystems } from "../look.ts";
import { dataWords, optionMeant } from "../values.ts";
import type { Find } from "./find.ts";
import type { View } from "./view.ts";

const isBind = ({ type, options }: Mount): boolean =>
  type === "bind" || options.includes("bind") || options.includes("rbind");

export function checkSources({ mounts }: Spec, bundle: string, find: Find): void {
  mounts.forEach((mount, i) => {
    const { source, options } = mount;
    if (!isBind(mount) || source === undefined || options.includes("remount")) return;
    const path = resolve(bundle, source);
    const problem = absence(path);
    if (problem !== undefined) find("error", `/mounts/${i}/source`, `${path}: ${problem}`);
  });
}

/** A mount point is made where there is none; but it is not made below a file, and it must be of the source's kind. */
export function checkTargets({ mountsBeforeCgroup, mountsAfter, sources }: RootfsPlan, view: View, find: Find): void {
  const ops: readonly MountOp[] = [...mountsBeforeCgroup, ...mountsAfter];
  ops.forEach((op, i) => {
    if (op.kind === "remount") return;
    const path = op.kind === "bind" ? sourcePath(op, sources) : undefined;
    const type = path === undefined ? S_IFDIR : fileTypeOrErrno(path);
    if (type < 0) return;
    const target = view.look(op.destination, i);
    if (target.kind === "missing" && target.errno !== ENOENT)
      return find(
        "error",
        `${op.why}/destination`,
        `${op.destination}, in the root file system: ${errnoText(target.errno)}`,
      );
    if (target.kind !== "there") return;
    const isDirectory = (target.mode & S_IFMT) === S_IFDIR;
    if (isDirectory === (type === S_IFDIR)) return;
    find(
      "error",
      op.why,
      path === undefined
        ? `${op.destination} is a file of the root file system, and a ${op.kind === "filesystem" ? op.type : "file system"} is mounted on directories`
        : `${path} is ${type === S_IFDIR ? "a directory" : "a file"}, and ${op.destination} is ${isDirectory ? "a directory" : "a file"} of the root file system`,
      { hint: "source and destination must both be directories, or both be files" },
    );
  });
}

const sourcePath = (op: BindOp, sources: RootfsPlan["sources"]): string | undefined =>
  op.source.kind === "opened" ? sources[op.source.index]?.path : op.source.path;

type Refused = { readonly mount: number; readonly option?: number; readonly problem: string; readonly errno: number };

/** Each option on its own, so that one mistake does not hide the next. */
export function checkFileSystems({ mounts }: Spec, { namespaces }: ContainerPlan, find: Find): void {
  const made = namespaces.created.map(({ type }) => type);
  const inUser = made.includes("user");
  // [kernel] A file system asks who owns the namespaces that it shows: those that the container gets are made here, too.
  const kinds = inUser ? made.filter((type) => type !== "user" && type !== "pid" && type !== "time") : [];
  const ownsNetwork = !inUser || made.includes("network");
  const refused =
    tell(inUser ? [CLONE_NEWUSER, CLONE_NEWNS, ...kinds.map((type) => namespaceFlags[type])] : [], () =>
      mounts.flatMap(
        (mount, i) => (mount.type === "sysfs" && !ownsNetwork ? [] : refusedOf(mount, i, inUser)), // the host's is bound there
      ),
    ) ?? [];
  const known = fileSystems();
  for (const { mount: i, option, problem, errno } of refused) {
    const { type = "", options = [] } = mounts[i] ?? {};
    if (option !== undefined) {
      const word = options[option] ?? "";
      const meant = optionMeant(type, word);
      find("error", `/mounts/${i}/options/${option}`, `${type}: ${problem}`, {
        hint: meant === undefined || meant === word ? undefined : `did you mean ${JSON.stringify(meant)}?`,
      });
    } else if (errno === ENODEV && known?.includes(type) === false)
      find("warning", `/mounts/${i}/type`, `this kernel has no file system ${JSON.stringify(type)} at present`, {
        hint: `modprobe ${type} may bring it`,
      });
    else
      find("error", `/mounts/${i}/type`, `a file system of type ${type}: ${problem}`, {
        hint: errno === EPERM && inUser ? "the kernel lets few file systems be mounted in a user namespace" : undefined,
      });
  }
  mounts.forEach((mount, i) => {
    const { type = "", source = "" } = mount;
    if (isBind(mount) || !ON_DEVICES.has(type) || !source.startsWith("/")) return;
    const problem = absence(source);
    if (problem !== undefined) find("error", `/mounts/${i}/source`, `${source}: ${problem}`);
  });
}

/** File systems whose source is a block device. */
const ON_DEVICES: ReadonlySet<string> = new Set(
  "ext2 ext3 ext4 xfs btrfs f2fs vfat exfat ntfs3 iso9660 squashfs erofs".split(" "),
);

function refusedOf(mount: Mount, i: number, inUser: boolean): readonly Refused[] {
  const { type, options } = mount;
  // [kernel] A v1 hierarchy takes its controllers as options; which are taken, the plan decides.
  if (type === undefined || type === "none" || type.startsWith("cgroup") || isBind(mount)) return [];
  const found: Refused[] = [];
  try {
    fsopen(type)[Symbol.dispose]();
  } catch (error) {
    if (isErrno(error, ENOSYS)) return []; // before Linux 5.2
    if (!isErrno(error, ENODEV, EPERM, EACCES)) throw error;
    return [{ mount: i, problem: errnoText(error.errno), errno: error.errno }];
  }
  options.forEach((option, at) => {
    for (const word of dataWords(option)) {
      if (inUser && /^[ug]id=/.test(word)) continue; // the plan knows who is mapped; in this try-out nobody is
      const problem = refusedOption(type, word);
      if (problem !== undefined) found.push({ mount: i, option: at, problem, errno: EINVAL });
    }
  });
  return found;
}

function refusedOption(type: string, word: string): string | undefined {
  const split = word.indexOf("=");
  using context = fsopen(type);
  try {
    if (split < 0) fsconfig_set(context, word, null);
    else fsconfig_set(context, word.slice(0, split), word.slice(split + 1));
    return undefined;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return kernelsWords(context) ?? (isErrno(error, EINVAL) ? `does not take ${word}` : undefined);
  }
}

/** [kernel] A context can be read: one message at a time, which begins with its level and the file system's name. @see fsopen(2) */
function kernelsWords(context: Fd): string | undefined {
  const buffer = new Uint8Array(512);
  let last: string | undefined;
  for (let n = readOrErrno(context, buffer); n > 0; n = readOrErrno(context, buffer))
    last = host
      .decode(buffer.subarray(0, n))
      .trim()
      .replace(/^[ewi] (\w+: )?/, "");
  return last;
}
