// What CRIU's log says of a failure. Pure.

/** A line such as "(00.010498) Error (criu/sk-inet.c:188): inet: Connected TCP socket, consider using --tcp-established option." */
const ERROR = /^(?:\([\d.]+\) *)?(?:\s*\d+: )?Error +\([^)]*\): (.*)$/;

/** Lines that say only that something before them failed. */
const EMPTY_WORDS: readonly RegExp[] = [
  /^rlimit: Can't setup RLIMIT_NOFILE for self/, // [kernel] without CAP_SYS_RESOURCE; it goes on with what it has
  /^Dumping FAILED\.?$/,
  /^Restoring FAILED\.?$/,
  /^Pre-dumping FAILED\.?$/,
  /^Can't (?:dump|restore) task|^Dump \w+ \(pid: \d+\) failed with/,
  /^Killed by signal|^\d+ (?:killed|exited)/,
  /^Unable to kill|^RPC client reported script error|^exited, status=|^cg: cgroupd: recv req error/,
];

const MOST_LINES = 3;

/** The last complaints that mean something, in the order in which they came. None: it holds none. */
export function complaints(log: string): readonly string[] {
  const all = log.split("\n").flatMap((line) => ERROR.exec(line)?.[1]?.trim() ?? []);
  const telling = all.filter((text) => !EMPTY_WORDS.some((empty) => empty.test(text)));
  const from = telling.length > 0 ? telling : all;
  return [...new Set(from)].slice(-MOST_LINES);
}

/** What to do about it, where that is known. */
const ADVICE: readonly (readonly [complaint: RegExp, advice: string])[] = [
  [/--tcp-established|Connected TCP socket/i, "it has open TCP connections: --tcp-established keeps them"],
  [
    /--ext-unix-sk|External socket is used|Unix socket \d+ without peer/i,
    "a unix socket leads out of the container: --ext-unix-sk allows that",
  ],
  [/--file-locks|file lock/i, "a process holds a file lock: --file-locks saves it"],
  [
    /--shell-job|--shell-job|tty.*(?:dangling|session)|Found dangling tty|session leader/i,
    "its terminal belongs to a shell outside: --shell-job allows that",
  ],
  [/link-remap/i, "a file that is open has been removed: --link-remap gives it a name again"],
  [
    /ghost file.*(?:too big|exceed)|ghost-limit/i,
    "a file that is open, has been removed and is large: ghost-limit of CRIU's configuration file allows more",
  ],
  [
    /Can't lookup mount=-?\d+ for fd=-?\d+ path=\/dev\/(?:pts|tty)/,
    "its terminal belongs to a shell outside: --shell-job allows that",
  ],
  [
    /Can't lookup mount=-?\d+ for fd=-?\d+ path=/,
    "a process has a file of the host open, such as a log file as its standard output: pipes and terminals are saved",
  ],
  [/iptables|ip6tables/i, "the network cannot be locked by iptables: --network-lock nftables or skip"],
  [/No space left on device/i, "there is no room for the images"],
  [/Read-only file system/i, "the images have to be written"],
  [/march mismatch/i, "the images are of another architecture"],
  [/vDSO|vdso/, "this CRIU is too old for this kernel: a newer one is needed"],
  [/userfaultfd|uffd/i, "userfaultfd is not allowed here: see vm.unprivileged_userfaultfd"],
  [
    /bad (?:size|mode)|has bad (?:size|mode|build-id)/i,
    "a file of the root file system is not what it was when the container was checkpointed",
  ],
  [
    /(?:Can't|Unable to) (?:open|mount).*ext|No mapping for .* mountpoint/i,
    "a mount of the images is not in config.json",
  ],
];

export const adviceFor = (lines: readonly string[]): string | undefined =>
  ADVICE.find(([complaint]) => lines.some((line) => complaint.test(line)))?.[1];
