// The differences from runc that are meant, each with its reason. What matches none of these is a finding.

export type Explained = { readonly where: RegExp; readonly line: RegExp; readonly reason: string };

const PROCESS = /^(process|exec)$/;

export const EXPLAINED: readonly Explained[] = [
  {
    where: PROCESS,
    line: /^mount: \/sys\/fs\/cgroup r[ow],/,
    reason: "a cgroup mount with the option ro is read-only, the tmpfs of v1 as well; runc leaves that writable",
  },
  {
    where: PROCESS,
    line: /^mount: \/(proc|sys)\/\S+ ro,relatime\s+tmpfs ro/,
    reason: "masked directories are covered by a tmpfs that holds nothing and can hold nothing",
  },
  {
    where: PROCESS,
    line: /^mount: \S+ \S+\s+tmpfs r[ow](,|$)/,
    reason: "the mode of the directory below is given to a tmpfs as an option; runc changes it afterwards",
  },
  {
    where: /^createContainer$/,
    line: /=/,
    reason:
      "hooks that give no environment have none in the container, as with runc since 1.2; before it was the process's",
  },
  {
    where: /^(poststart|poststop)$/,
    line: /^(BUNDLE|\/.*)$/,
    reason:
      "hooks of the runtime run in the bundle, as with crun; runc runs them where it is called, and only create is there",
  },
  {
    where: PROCESS,
    line: /^names: /,
    reason: "domainname is not known to runc before 1.2",
  },
  {
    where: PROCESS,
    line: /^place: \S+ [0-7]+ \d+:\d+$/,
    reason: "mode=, uid= and gid= of a tmpfs hold; runc 1.1 gives it the mode of the directory below in any case",
  },
  {
    where: /^exec$/,
    line: /^umask: /,
    reason: "a process of exec has the umask of config.json; runc 1.1 gives it 0022",
  },
  {
    where: PROCESS,
    line: /^status: Cap(Bnd|Prm|Eff): (0{16}|000001fffeffffff)$/,
    reason:
      "a process without capabilities in config.json has none, as with runc 1.1; runc 1.3 leaves it all of its own",
  },
  {
    where: /^exec$/,
    line: /^limit: Max open files /,
    reason: "the Go of runc 1.1 raises the soft limit of open files for itself, and for a process of exec as well",
  },
  {
    where: PROCESS,
    line: /^machine: /,
    reason: "linux.personality is not known to runc before 1.2",
  },
];
