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

export const containerPath = (path: string): ContainerPath => path as ContainerPath;
export const hostPath = (path: string): HostPath => path as HostPath;
export const hostPid = (pid: number): HostPid => pid as HostPid;

/** Takes a name from outside; undefined when it is not one (runc's rule). */
export function containerId(name: string): ContainerId | undefined {
  return /^[\w+.-]{1,1024}$/.test(name) && name !== "." && name !== ".." ? (name as ContainerId) : undefined;
}
