// One bundle, two runtimes: the same probe runs as the container's process, by exec and in hooks, and says what it sees.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../system/bundle.ts";
import { PROGRAM, SLOWNESS, type Box, type Result } from "../../system/harness.ts";
import { sleepMs } from "../../system/leftovers.ts";
import { EXPLAINED } from "./explained.ts";

/** Lines of "what: value", for busybox. Numbers that differ from run to run are left out. */
const PROBE = `
say() { echo "$1: $2"; }
say id "$(id -u) $(id -g) $(id -G)"
say umask "$(umask)"
say directory "$(pwd | sed 's#/proc/[0-9]*#/proc/self#')"
say names "$(hostname) $(cat /proc/sys/kernel/domainname)"
say machine "$(uname -m)"
env | grep -Ev '^(SHLVL|_|OLDPWD|PWD)=' | sort | sed 's/^/env: /'
grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Cpus_allowed_list|Mems_allowed_list):' /proc/self/status | tr '\\t' ' ' | sed 's/^/status: /'
sed 's/  */ /g; s/^/limit: /' /proc/self/limits
say oom "$(cat /proc/self/oom_score_adj)"
awk '{ o=""; i=7; for (; $i != "-"; i++) { p=$i; sub(/:.*/, "", p); o=o " " p }; print "mount:", $5, $6, o, $(i+1), $(i+3) }' /proc/self/mountinfo | sed 's#/run-[ab]/#/#g'
for f in /dev/* /dev/below/*; do say node "$(stat -c '%n %A %u:%g %t:%T' "$f" 2>/dev/null)"; done
for d in / /mnt /tmp /srv /new/place /dev/shm; do say place "$(stat -c '%n %a %u:%g' $d 2>/dev/null)"; done
for n in ipc net pid user uts mnt cgroup; do [ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] && say ns "$n of pid 1"; done
say fds "$(ls /proc/self/fd | tr '\\n' ' ')"
say sysctl "$(cat /proc/sys/net/ipv4/ip_forward)"
touch /probe-wrote 2>/dev/null && say root writable || say root read-only
head -c 1 /proc/version | wc -c | sed 's/^/version: /'
sed 's/.*:\\([^:]*\\):.*/cgroup: \\1/' /proc/self/cgroup | sort
say end
`;

const HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;

export type Difference = { readonly where: string; readonly line: string; readonly of: "tsrun" | "runc" };

/** What each runtime's container has said, line by line. */
function seen(box: Box, program: string, change: (config: Config) => void): Map<string, string[]> {
  const said = new Map<string, string[]>();
  const out = box.path(program === PROGRAM ? "run-a" : "run-b");
  mkdirSync(out);
  chmodSync(out, 0o777);
  const hook = (kind: string): object => ({
    path: "/bin/sh",
    args: [
      "sh",
      "-c",
      `exec >${kind === "startContainer" ? "/out" : out}/${kind}; pwd; env | grep -Ev '^(PWD|SHLVL|_|OLDPWD)=' | sort; id -u; umask`,
    ],
  });
  const container = box.container((config) => {
    change(config);
    config.mounts.push({ destination: "/out", type: "bind", source: out, options: ["bind"] });
    config.process.args = ["sh", "-c", "sh /probe > /out/process 2>&1; exec sleep 60"];
    config.hooks = Object.fromEntries(HOOKS.map((kind) => [kind, [hook(kind) as never]]));
  });
  writeFileSync(container.at("probe"), PROBE);
  const call = (...words: string[]): Result =>
    box.runtime(words, {
      program,
      env: { CALLER: "secret", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: box.directory,
    });
  const made = call("create", "--bundle", container.bundle, container.id);
  said.set("create", [made.status === 0 ? "made" : `refused: ${made.stderr.replaceAll("\n", " ")}`]);
  if (made.status !== 0) return said;
  said.set("start", [`status ${String(call("start", container.id).status)}`]);
  waitFor(join(out, "process"));
  const exec = call("exec", container.id, "sh", "/probe");
  call("kill", container.id, "KILL");
  call("delete", "--force", container.id);
  const own = (text: string): string[] =>
    text
      .replaceAll(container.bundle, "BUNDLE")
      .replaceAll(out, "OUT")
      .replaceAll(container.id, "ID")
      .split("\n")
      .filter((line) => line !== "");
  said.set("exec", own(exec.stdout + exec.stderr));
  for (const name of ["process", ...HOOKS]) {
    try {
      said.set(name, own(readFileSync(join(out, name), "utf8")));
    } catch {
      said.set(name, ["nothing"]);
    }
  }
  return said;
}

function waitFor(file: string): void {
  for (const end = Date.now() + 10_000 * SLOWNESS; Date.now() < end; sleepMs(20))
    if (existsSync(file) && readFileSync(file, "utf8").includes("\nend:")) return;
}

/** Whose words are each runtime's own. */
const isRefusal = (line: string): boolean => line.startsWith("refused: ");
const outcome = (lines: readonly string[] = []): string =>
  lines.map((line) => (isRefusal(line) ? "refused" : line)).join();

/** What only one of them says, as often as it says it, but for what is explained. */
export function differences(box: Box, other: string, change: (config: Config) => void): readonly Difference[] {
  const [ours, theirs] = [seen(box, PROGRAM, change), seen(box, other, change)];
  const found: Difference[] = [];
  // Where only one of them has made a container, or only one has started it, all else follows from that.
  const decisive = ["create", "start"].find((where) => outcome(ours.get(where)) !== outcome(theirs.get(where)));
  for (const where of decisive !== undefined ? [decisive] : [...ours.keys()]) {
    const rest = [...(theirs.get(where) ?? [])];
    for (const line of ours.get(where) ?? []) {
      const at = rest.findIndex((other) => other === line || (isRefusal(other) && isRefusal(line)));
      if (at < 0) found.push({ where, line, of: "tsrun" });
      else rest.splice(at, 1);
    }
    found.push(...rest.map((line): Difference => ({ where, line, of: "runc" })));
  }
  return found.filter(
    (difference) => !EXPLAINED.some(({ where, line }) => where.test(difference.where) && line.test(difference.line)),
  );
}
