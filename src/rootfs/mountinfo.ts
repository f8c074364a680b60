// What /proc/self/mountinfo tells. Text in, data out.

/** Where whole procfs and sysfs are mounted outside of `rootfs`. @see proc_pid_mountinfo(5) */
export function kernelFilesystems(mountinfo: string, rootfs: string): string[] {
  const found: string[] = [];
  for (const line of mountinfo.split("\n")) {
    const fields = line.split(" ");
    const [, , , root, point] = fields;
    const type = fields[fields.indexOf("-", 6) + 1];
    if (root !== "/" || point === undefined || (type !== "proc" && type !== "sysfs")) continue;
    const path = point.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (path !== rootfs && !path.startsWith(`${rootfs}/`)) found.push(path);
  }
  return found;
}
