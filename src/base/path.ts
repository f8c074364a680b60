// Paths as text. Nothing here looks at a file system; a path inside a container is never joined to a host path.

/** Collapses `//`, `.` and `..` as Go's path.Clean does; "" is ".". */
export function clean(path: string): string {
  const rooted = path.startsWith("/");
  if (rooted && !path.includes("//") && !path.includes("/.") && !path.endsWith("/")) return path; // as most are
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.length > 0 && out.at(-1) !== "..") out.pop();
    else if (!rooted) out.push("..");
  }
  return (rooted ? "/" : "") + out.join("/") || ".";
}

export function join(...parts: readonly string[]): string {
  return clean(parts.filter((part) => part !== "").join("/"));
}

export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Everything before the last slash; "/" at the top, "." without one. */
export function dirname(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

/** Whether `path` lies below `directory`, both of them clean; nothing counts as below "/". */
export const isBelow = (path: string, directory: string): boolean =>
  path.startsWith(directory) && path.startsWith("/", directory.length);

/** Makes `path` absolute against `directory`. */
export function resolve(directory: string, path: string): string {
  return clean(path.startsWith("/") ? path : `${directory}/${path}`);
}
