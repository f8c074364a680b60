// What /proc says about cgroups, as text. Pure: layout.ts reads it.

type Own = { readonly name: string; readonly path: string };

/**
 * The lines of /proc/self/cgroup: "4:memory:/user/x", "1:name=systemd:/", "0::/x". @see cgroups(7)
 * A path outside of our cgroup namespace, "/../x", cannot be reached and counts as the root.
 */
export function parseOwn(text: string): readonly Own[] {
  const own: Own[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (second < 0) continue;
    const path = line.slice(second + 1);
    own.push({ name: line.slice(first + 1, second), path: path.startsWith("/..") ? "/" : path });
  }
  return own;
}

/** Where a v1 hierarchy is mounted, and which of its cgroups is the mount's root. @see proc_pid_mountinfo(5) */
export function findMount(
  mountinfo: string,
  controllers: readonly string[],
): { readonly mountPoint: string; readonly root: string } | undefined {
  // 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
  for (let at = mountinfo.indexOf(" - cgroup "); at >= 0; at = mountinfo.indexOf(" - cgroup ", at + 1)) {
    const line = mountinfo.slice(mountinfo.lastIndexOf("\n", at) + 1, mountinfo.indexOf("\n", at));
    const fields = line.split(" ");
    const options = fields.at(-1)?.split(",") ?? [];
    if (controllers.every((name) => options.includes(name)))
      return { mountPoint: unescape(fields[4] ?? ""), root: unescape(fields[3] ?? "") };
  }
  return undefined;
}

/** Space, tab, newline and backslash stand as octal numbers. */
const unescape = (path: string): string =>
  path.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
