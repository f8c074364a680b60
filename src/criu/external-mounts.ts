// Which of a container's mounts CRIU has to be told of as external: those whose content is not of the container, so that they cannot be made
// again from its images but only be found again on the host. Pure: from the text of /proc/PID/mountinfo.

/** One line of mountinfo. @see proc_pid_mountinfo(5) */
export type MountEntry = {
  readonly id: number;
  readonly parent: number;
  /** major:minor of the superblock. */
  readonly device: string;
  /** Which directory, or file, of the file system is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
};

/** A mount of config.json, and what is mounted at its destination. */
export type ConfiguredMount = { readonly id: number; readonly destination: string; readonly bind: boolean };

/** Where an external mount has its content from; so says the checkpoint, for a restore to find the same on another host. */
export type ExternalMount = { readonly mountPoint: string } & (
  | { readonly kind: "bind"; readonly destination: string; /** below the bind's source */ readonly below: string }
  /** A directory of a cgroup hierarchy. */
  | { readonly kind: "cgroup" }
  /** A path of the host. */
  | { readonly kind: "host"; readonly path: string }
  /** Nobody knows: a restore needs a mount of config.json with this destination. */
  | { readonly kind: "unknown" }
);

/** Those of the text's lines that are whole. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after] = line.split(" - ");
    if (after === undefined) return [];
    const [id, parent, device = "", root = "", mountPoint = ""] = before.split(" ");
    const [type = ""] = after.split(" ");
    return [
      {
        id: Number(id),
        parent: Number(parent),
        device,
        root: unescape(root),
        mountPoint: unescape(mountPoint),
        type,
      },
    ];
  });
}

/** [kernel] Space, tab, newline and backslash are written as three octal digits. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8)));

/** File systems that CRIU makes again by itself. Every other one it only finds again. */
const MADE_AGAIN: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "devtmpfs",
  "binfmt_misc",
  "tmpfs",
  "devpts",
  "pstore",
  "mqueue",
  "securityfs",
  "fusectl",
  "debugfs",
  "tracefs",
  "cgroup",
  "cgroup2",
]);

/**
 * @param mounts the container's
 * @param cgroupNamespace the container's cgroup mounts are its own, and no binds of directories of the host's
 */
export function externalMounts(
  mounts: readonly MountEntry[],
  configured: readonly ConfiguredMount[],
  cgroupNamespace: boolean,
): readonly ExternalMount[] {
  const found = new Map<number, ExternalMount>();
  const root = rootOf(mounts);
  const ofConfig = new Map(configured.map((mount) => [mount.id, mount]));
  const isInside = (mount: MountEntry): boolean =>
    (root !== undefined && mount.device === root.device && isBelow(mount.root, root.root)) ||
    mounts.some(
      (other) => other.id !== mount.id && other.device === mount.device && other.root === "/" && !found.has(other.id),
    );
  for (const mount of parentsFirst(mounts)) {
    if (mount === root) continue;
    const { mountPoint } = mount;
    const config = ofConfig.get(mount.id);
    const above = found.get(mount.parent);
    if (config?.bind === true) {
      found.set(mount.id, { mountPoint, kind: "bind", destination: config.destination, below: "" });
    } else if (config === undefined && above?.kind === "bind") {
      // What came along with a recursive bind.
      found.set(mount.id, { ...above, mountPoint, below: above.below + mountPoint.slice(above.mountPoint.length) });
    } else if (mount.type === "cgroup" || mount.type === "cgroup2") {
      if (!cgroupNamespace && mount.root !== "/") found.set(mount.id, { mountPoint, kind: "cgroup" });
    } else if (mount.root !== "/" ? !isInside(mount) : !MADE_AGAIN.has(mount.type)) {
      found.set(mount.id, elsewhere(mount));
    }
  }
  return [...found.values()];
}

/** The topmost one. */
const rootOf = (mounts: readonly MountEntry[]): MountEntry | undefined =>
  mounts.filter(({ mountPoint }) => mountPoint === "/").at(-1);

/** In mountinfo a mount can stand before the one that it is mounted on. */
function parentsFirst(mounts: readonly MountEntry[]): readonly MountEntry[] {
  const byParent = new Map<number, MountEntry[]>();
  const ids = new Set(mounts.map(({ id }) => id));
  const ordered = mounts.filter(({ parent, id }) => !ids.has(parent) || parent === id);
  for (const mount of mounts) {
    const siblings = byParent.get(mount.parent);
    if (ordered.includes(mount)) continue;
    if (siblings === undefined) byParent.set(mount.parent, [mount]);
    else siblings.push(mount);
  }
  for (let i = 0; i < ordered.length; i++) ordered.push(...(byParent.get(ordered[i]?.id ?? -1) ?? []));
  return ordered;
}

const isBelow = (path: string, directory: string): boolean =>
  directory === "/" || path === directory || path.startsWith(`${directory}/`);

/** A device of the host's is found again by its name. */
const elsewhere = ({ mountPoint, type, root }: MountEntry): ExternalMount =>
  type === "devtmpfs" && root !== "/"
    ? { mountPoint, kind: "host", path: `/dev${root}` }
    : { mountPoint, kind: "unknown" };
