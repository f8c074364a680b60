// The mounts of a plan as commands of a shell: mount(8), mkdir, cp. `$root` is the root file system, and the functions are those of shell.ts.

import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from "../abi/mount.ts";
import type { Attributes, BindOp, Cgroup1Op, FilesystemOp, MountOp, SourceOp } from "../rootfs/plan.ts";
import { quoted } from "./shell-words.ts";

export const mountCommands = (ops: readonly MountOp[], sources: readonly SourceOp[]): readonly string[] =>
  ops.flatMap((op) => commandsOf(op, sources));

function commandsOf(op: MountOp, sources: readonly SourceOp[]): readonly string[] {
  switch (op.kind) {
    case "filesystem":
      return filesystemCommands(op);
    case "bind":
      return bindCommands(op, sources);
    case "remount":
      return [`attributes ${at(op.destination)} ${attributeWords(op.attributes)}`];
    case "cgroup1":
      return cgroup1Commands(op);
    case "sysfs":
    case "cgroup2":
      return filesystemCommands(op.filesystem);
  }
}

const at = (path: string): string => (path === "/" ? '"$root"' : `"$root"${quoted(path)}`);

function filesystemCommands(op: FilesystemOp): readonly string[] {
  const target = at(op.destination);
  const options = [...flagWords(op.flags), ...(op.data === "" ? [] : [op.data])].join(",");
  const mode = op.inheritMode ? `-o mode=$(stat -c %a ${target}) ` : "";
  const mount = `mount -n -i -t ${quoted(op.type)} ${options === "" ? "" : `-o ${quoted(options)} `}${mode}${quoted(op.source)} ${target}`;
  return [
    `directory ${target}`,
    ...(op.copyUp ? [`covered=$(mktemp -d) && mount --bind ${target} "$covered"`] : []),
    mount,
    ...(op.copyUp ? [`cp -a "$covered/." ${target} && umount "$covered" && rmdir "$covered"`] : []),
    ...(op.copyUp ? ownerCommands(op.data, target) : []),
    ...propagationCommands(op.propagation, target),
    ...treeCommands(op.tree, target),
  ];
}

function bindCommands(op: BindOp, sources: readonly SourceOp[]): readonly string[] {
  const target = at(op.destination);
  const source = quoted((op.source.kind === "opened" ? sources[op.source.index]?.path : op.source.path) ?? "");
  return [
    `target ${source} ${target}`,
    `mount -n --${op.recursive ? "rbind" : "bind"} ${source} ${target}`,
    ...propagationCommands(op.propagation, target),
    ...(op.attributes === undefined ? [] : [`attributes ${target} ${attributeWords(op.attributes)}`]),
    ...treeCommands(op.tree, target),
  ];
}

function cgroup1Commands(op: Cgroup1Op): readonly string[] {
  const target = at(op.destination);
  const hierarchies = op.hierarchies.flatMap((one) => {
    const place = at(`${op.destination}/${one.name}`);
    const mount =
      one.kind === "mount"
        ? [
            `mount -n -i -t cgroup -o ${quoted([...flagWords(one.flags), one.data].join(","))} ${quoted(one.source)} ${place}`,
          ]
        : [
            `mount -n --rbind ${quoted(one.source)} ${place}`,
            ...(one.remount === undefined
              ? []
              : [`mount -n -o ${quoted(["remount", "bind", ...flagWords(one.remount)].join(","))} ${place}`]),
          ];
    return [`mkdir -m 755 ${place}`, ...mount, ...propagationCommands(op.propagation, place)];
  });
  return [
    `directory ${target}`,
    `mount -n -i -t tmpfs -o noexec,nosuid,nodev,mode=755 tmpfs ${target}`,
    ...propagationCommands(op.propagation, target),
    ...hierarchies,
    ...op.links.map(({ name, target: to }) => `ln -s ${quoted(to)} ${at(`${op.destination}/${name}`)}`),
  ];
}

/** Mounts that are made read-only when all below them is there. */
export const readonlyCommands = (paths: readonly string[]): readonly string[] =>
  paths.map((path) => `attributes ${at(path)} ro`);

export function restrictCommands(
  readonly: readonly string[],
  masked: readonly string[],
  data: string,
): readonly string[] {
  const options = `ro,nr_blocks=1,nr_inodes=1${data === "" ? "" : `,${data}`}`;
  return [
    ...readonly.map(
      (path) => `[ ! -e ${at(path)} ] || { mount -n --rbind ${at(path)} ${at(path)} && attributes ${at(path)} ro; }`,
    ),
    ...(masked.length === 0
      ? []
      : [
          "mask() { # PATH: something empty of its kind over it",
          '  if [ ! -d "$1" ]; then mount -n --bind "$root/dev/null" "$1"',
          '  elif [ -n "$empty" ]; then mount -n --bind "$empty" "$1"',
          `  else mount -n -i -t tmpfs -o ${quoted(options)} tmpfs "$1" && empty=$1; fi`,
          "}",
        ]),
    ...masked.map((path) => `[ ! -e ${at(path)} ] || mask ${at(path)}`),
  ];
}

const propagationCommands = (all: readonly number[], target: string): readonly string[] =>
  all.map((flags) => `mount -n --make-${propagationWord(flags)} ${target}`);

/** MS_SHARED … as mount --make-… has them. */
export function propagationWord(flags: number): string {
  const word =
    flags & MS_SHARED ? "shared" : flags & MS_SLAVE ? "slave" : flags & MS_PRIVATE ? "private" : "unbindable";
  return flags & MS_REC ? `r${word}` : word;
}

const treeCommands = (tree: Attributes | undefined, target: string): readonly string[] =>
  tree === undefined ? [] : [`tree ${target} ${attributeWords(tree)}`];

const FLAGS: readonly (readonly [flag: number, word: string])[] = [
  [MS_RDONLY, "ro"],
  [MS_NOSUID, "nosuid"],
  [MS_NODEV, "nodev"],
  [MS_NOEXEC, "noexec"],
  [MS_SYNCHRONOUS, "sync"],
  [MS_DIRSYNC, "dirsync"],
  [MS_MANDLOCK, "mand"],
  [MS_NOATIME, "noatime"],
  [MS_NODIRATIME, "nodiratime"],
  [MS_RELATIME, "relatime"],
  [MS_STRICTATIME, "strictatime"],
  [MS_LAZYTIME, "lazytime"],
  [MS_SILENT, "silent"],
  [MS_NOSYMFOLLOW, "nosymfollow"],
];

export const flagWords = (flags: number): readonly string[] =>
  FLAGS.flatMap(([flag, word]) => ((flags & flag) === 0 ? [] : [word]));

const ATTRIBUTES: readonly (readonly [attribute: number, set: string, cleared: string])[] = [
  [MOUNT_ATTR_RDONLY, "ro", "rw"],
  [MOUNT_ATTR_NOSUID, "nosuid", "suid"],
  [MOUNT_ATTR_NODEV, "nodev", "dev"],
  [MOUNT_ATTR_NOEXEC, "noexec", "exec"],
  [MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"],
  [MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"],
];

export function attributeWords({ set, clear }: Attributes): string {
  const words = ATTRIBUTES.flatMap(([attribute, word, opposite]) =>
    (set & attribute) !== 0 ? [word] : (clear & attribute) !== 0 ? [opposite] : [],
  );
  if ((clear & MOUNT_ATTR__ATIME) === 0) return words.join(",");
  const atime = set & MOUNT_ATTR__ATIME;
  return [
    ...words,
    atime === MOUNT_ATTR_STRICTATIME ? "strictatime" : atime === MOUNT_ATTR_NOATIME ? "noatime" : "relatime",
  ].join(",");
}

/** cp has given the root of the file system the owner and mode of the directory that it covers: what the options say is set again. */
const ownerCommands = (data: string, target: string): readonly string[] =>
  data.split(",").flatMap((word) => {
    const [, name, value = ""] = /^(uid|gid|mode)=([0-9]+)$/.exec(word) ?? [];
    return name === undefined ? [] : [`${COMMAND[name] ?? ""} ${value} ${target}`];
  });

const COMMAND: { readonly [option: string]: string } = { uid: "chown", gid: "chgrp", mode: "chmod" };
