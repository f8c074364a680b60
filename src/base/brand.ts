// Strings and numbers that must not be mixed up. A brand costs nothing at run time; the functions here are the only doors.

type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** A container's name: letters, digits, `_ + - .`, neither "." nor "..". */
export type ContainerId = Brand<string, "ContainerId">;
/** A path as processes of the host see it. */
export type HostPath = Brand<string, "HostPath">;
/** A path as the container sees it. No sys function takes one: rootfs/resolve.ts turns it into a descriptor. */
export type ContainerPath = Brand<string, "ContainerPath">;
/** A process id in the runtime's pid namespace. */
export type HostPid = Brand<number, "HostPid">;

// Declared so, a function that returns what it is given leaves nothing behind: esbuild puts its argument in the place of every call.
export function containerPath(path: string): ContainerPath {
  return path as ContainerPath;
}
export function hostPath(path: string): HostPath {
  return path as HostPath;
}
export function hostPid(pid: number): HostPid {
  return pid as HostPid;
}

/** Takes a name from outside; undefined when it is not one (runc's rule). */
export function containerId(name: string): ContainerId | undefined {
  return /^[\w+.-]{1,1024}$/.test(name) && name !== "." && name !== ".." ? (name as ContainerId) : undefined;
}
