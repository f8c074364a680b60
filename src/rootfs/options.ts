// The words of mounts[].options (config.md, "Mounts"): one table of what each means. The last word of a kind wins;
// a word that is not in the table is data for the file system.
// The tables hold the bits that a word sets, or their negative where it clears them.

import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_BIND,
  MS_DIRSYNC,
  MS_I_VERSION,
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
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from "../abi/mount.ts";

/** To be looked up with `typeof … === "number"`: every object has a "constructor". */
type Words = { readonly [word: string]: number };

/** MS_* bits of mount(2). "acl" is not among them: file systems take it as data. */
const FLAGS: Words = {
  async: -MS_SYNCHRONOUS,
  atime: -MS_NOATIME,
  bind: MS_BIND,
  defaults: 0,
  dev: -MS_NODEV,
  diratime: -MS_NODIRATIME,
  dirsync: MS_DIRSYNC,
  exec: -MS_NOEXEC,
  iversion: MS_I_VERSION,
  lazytime: MS_LAZYTIME,
  loud: -MS_SILENT,
  mand: MS_MANDLOCK,
  noatime: MS_NOATIME,
  nodev: MS_NODEV,
  nodiratime: MS_NODIRATIME,
  noexec: MS_NOEXEC,
  noiversion: -MS_I_VERSION,
  nolazytime: -MS_LAZYTIME,
  nomand: -MS_MANDLOCK,
  norelatime: -MS_RELATIME,
  nostrictatime: -MS_STRICTATIME,
  nosuid: MS_NOSUID,
  nosymfollow: MS_NOSYMFOLLOW,
  rbind: MS_BIND | MS_REC,
  relatime: MS_RELATIME,
  remount: MS_REMOUNT,
  ro: MS_RDONLY,
  rw: -MS_RDONLY,
  silent: MS_SILENT,
  strictatime: MS_STRICTATIME,
  suid: -MS_NOSUID,
  sync: MS_SYNCHRONOUS,
  symfollow: -MS_NOSYMFOLLOW,
};

/** How mounts made later in one copy of the tree show up in others. [kernel] Never together with other flags: a call of its own each. */
const PROPAGATION: Words = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  rshared: MS_SHARED | MS_REC,
  rslave: MS_SLAVE | MS_REC,
  runbindable: MS_UNBINDABLE | MS_REC,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** MOUNT_ATTR_* bits for the mount and every mount below it. */
const TREE_ATTRIBUTES: Words = {
  rdev: -MOUNT_ATTR_NODEV,
  rdiratime: -MOUNT_ATTR_NODIRATIME,
  rexec: -MOUNT_ATTR_NOEXEC,
  rnodev: MOUNT_ATTR_NODEV,
  rnodiratime: MOUNT_ATTR_NODIRATIME,
  rnoexec: MOUNT_ATTR_NOEXEC,
  rnosuid: MOUNT_ATTR_NOSUID,
  rnosymfollow: MOUNT_ATTR_NOSYMFOLLOW,
  rro: MOUNT_ATTR_RDONLY,
  rrw: -MOUNT_ATTR_RDONLY,
  rsuid: -MOUNT_ATTR_NOSUID,
  rsymfollow: -MOUNT_ATTR_NOSYMFOLLOW,
};

/** One choice of three, not bits: the value that becomes MOUNT_ATTR__ATIME's. Denying a value leaves the kernel's default, relatime. */
const TREE_ATIME: Words = {
  ratime: MOUNT_ATTR_RELATIME,
  rnoatime: MOUNT_ATTR_NOATIME,
  rnorelatime: MOUNT_ATTR_RELATIME,
  rnostrictatime: MOUNT_ATTR_RELATIME,
  rrelatime: MOUNT_ATTR_RELATIME,
  rstrictatime: MOUNT_ATTR_STRICTATIME,
};

const TMPCOPYUP = "tmpcopyup";

/** Bits of MOUNT_ATTR_* to set and to clear. */
export type Attributes = { readonly set: number; readonly clear: number };

export type MountOptions = {
  /** MS_* */
  readonly flags: number;
  /** MS_* that a word asked to be off. */
  readonly cleared: number;
  /** MS_SHARED … with or without MS_REC, in the order given. */
  readonly propagation: readonly number[];
  /** For the whole tree; undefined when no word asked. */
  readonly tree: Attributes | undefined;
  /** The tmpfs starts with a copy of what it covers. */
  readonly copyUp: boolean;
  /** "ridmap" maps the whole tree. */
  readonly idmap: "idmap" | "ridmap" | undefined;
  /** Comma-joined. */
  readonly data: string;
};

/** Sorts the words of one mount. */
export function parseMountOptions(words: readonly string[]): MountOptions {
  let flags = 0;
  let cleared = 0;
  let set = 0;
  let clear = 0;
  let copyUp = false;
  let idmap: "idmap" | "ridmap" | undefined;
  const propagation: number[] = [];
  const data: string[] = [];
  for (const word of words) {
    const flag = FLAGS[word];
    if (typeof flag === "number") {
      if (flag < 0) {
        flags &= ~-flag;
        cleared |= -flag;
      } else {
        flags |= flag;
        cleared &= ~flag;
      }
      continue;
    }
    if (word.includes("=")) {
      data.push(word); // no table has one
      continue;
    }
    const kind = PROPAGATION[word];
    if (typeof kind === "number") {
      propagation.push(kind);
      continue;
    }
    const attribute = TREE_ATTRIBUTES[word];
    if (typeof attribute === "number") {
      if (attribute < 0) {
        set &= ~-attribute;
        clear |= -attribute;
      } else {
        set |= attribute;
        clear &= ~attribute;
      }
      continue;
    }
    const atime = TREE_ATIME[word];
    if (typeof atime === "number") {
      set = (set & ~MOUNT_ATTR__ATIME) | atime;
      clear |= MOUNT_ATTR__ATIME; // mount_setattr(2): the three values are set only together with clearing them all
    } else if (word === TMPCOPYUP) copyUp = true;
    else if (word === "idmap" || word === "ridmap") idmap = word;
    else data.push(word);
  }
  return {
    flags,
    cleared,
    propagation,
    tree: set === 0 && clear === 0 ? undefined : { set, clear },
    copyUp,
    idmap,
    data: data.join(","),
  };
}

/** The bits of a propagation word, for linux.rootfsPropagation too. */
export function propagationFlags(word: keyof typeof PROPAGATION & string): number {
  const flags = PROPAGATION[word];
  if (flags === undefined) throw new Error(`${word} is no propagation`);
  return flags;
}

/** Every word that means something to us, sorted: `features` lists them. Id-mapped mounts are a feature of their own there. */
export function knownMountOptions(): string[] {
  return [FLAGS, PROPAGATION, TREE_ATTRIBUTES, TREE_ATIME]
    .flatMap((table) => Object.keys(table))
    .concat(TMPCOPYUP)
    .sort();
}

/** Nothing is sent to others. */
export const isQuiet = (propagation: number): boolean => (propagation & (MS_SLAVE | MS_PRIVATE)) !== 0;
