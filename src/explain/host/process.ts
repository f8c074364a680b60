// Whether the process can be what config.json wants: user, limits, priorities, program, hooks.

import { EACCES } from "../../abi/errno.ts";
import { S_IFCHR, S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import { X_OK } from "../../abi/unistd.ts";
import { join, resolve } from "../../base/path.ts";
import { passwdEntry } from "../../base/passwd.ts";
import { setOomScoreAdj, setRlimits } from "../../process/limits.ts";
import type { ContainerPlan } from "../../runtime/plan/container.ts";
import type { HostFacts } from "../../spec/facts.ts";
import type { Spec } from "../../spec/types.ts";
import { accessErrno, fileTypeOrErrno } from "../../sys/stat.ts";
import { attempt } from "../attempt.ts";
import { errnoText, peek } from "../look.ts";
import { interpreterOf } from "./executable.ts";
import type { Find } from "./find.ts";
import type { Inside, View } from "./view.ts";
import defer * as priorities from "../../process/scheduling.ts";

/** Tries limits and priorities in a process that ends. [kernel] In a user namespace the runtime sets them from outside all the same. */
export function checkLimits(
  { process, scheduling, namespaces }: ContainerPlan,
  { rootless }: HostFacts,
  find: Find,
): void {
  const tries: {
    readonly pointer: string;
    readonly hint: string;
    readonly act: () => void;
    readonly warns: boolean;
  }[] = [];
  for (const limit of process.rlimits)
    tries.push({
      pointer: limit.why,
      hint:
        limit.name === "RLIMIT_NOFILE"
          ? "a hard limit above ours takes CAP_SYS_RESOURCE, and none may be above /proc/sys/fs/nr_open"
          : "a hard limit above ours takes CAP_SYS_RESOURCE",
      act: () => setRlimits({ ...process, rlimits: [limit] }, "self"),
      warns: false,
    });
  if (process.oomScoreAdj !== undefined)
    tries.unshift({
      pointer: "/process/oomScoreAdj",
      hint: `a value below our own (${peek("/proc/self/oom_score_adj")?.trim() ?? "?"}) takes CAP_SYS_RESOURCE`,
      act: () => setOomScoreAdj(process, "self"),
      warns: rootless && namespaces.user !== undefined,
    });
  if (scheduling !== undefined) {
    const none = {
      ...scheduling,
      scheduler: undefined,
      ioPriority: undefined,
      personality: undefined,
      memoryPolicy: undefined,
    };
    for (const part of ["scheduler", "ioPriority", "personality", "memoryPolicy"] as const) {
      const op = scheduling[part];
      if (op !== undefined)
        tries.push({
          pointer: op.why,
          hint: part === "scheduler" || part === "ioPriority" ? "a higher priority takes CAP_SYS_NICE" : "",
          act: () => priorities.setScheduling({ ...none, [part]: op }),
          warns: false,
        });
    }
  }
  if (tries.length === 0) return;
  attempt([], ...tries.map(({ act }) => act)).forEach((refusal, i) => {
    const { pointer = "", hint = "", warns = false } = tries[i] ?? {};
    if (refusal !== undefined)
      find(warns ? "warning" : "error", pointer, `${refusal.call} ${refusal.detail}: ${errnoText(refusal.errno)}`, {
        hint: hint === "" ? undefined : hint,
      });
  });
}

/** Names are looked up by the container's own files, when it has them. */
export function checkNames({ process }: Spec, view: View, find: Find): void {
  if (process === undefined) return;
  const { uid, gid, additionalGids } = process.user;
  const users = view.text("/etc/passwd");
  if (users !== undefined && passwdEntry(users, uid) === undefined)
    find(
      "warning",
      "/process/user/uid",
      `uid ${uid} is not in the container's /etc/passwd: it has no name, and its HOME is "/"`,
    );
  const groups = view.text("/etc/group");
  if (groups === undefined) return;
  const named = (id: number): boolean => groups.split("\n").some((line) => line.split(":")[2] === String(id));
  if (!named(gid))
    find("warning", "/process/user/gid", `gid ${gid} is not in the container's /etc/group: it has no name`);
  additionalGids.forEach((one, i) => {
    if (!named(one))
      find(
        "warning",
        `/process/user/additionalGids/${i}`,
        `gid ${one} is not in the container's /etc/group: it has no name`,
      );
  });
}

export function checkHooks({ hooks }: Spec, view: View | undefined, find: Find): void {
  for (const [kind, list] of Object.entries(hooks)) {
    for (const [i, { path }] of list.entries()) {
      const pointer = `/hooks/${kind}/${i}/path`;
      if (kind === "startContainer") {
        // [spec] This one is a program of the container.
        const problem = view === undefined ? undefined : whyNotRun(view.look(path), path, view);
        if (problem !== undefined)
          find("warning", pointer, `${path}, in the root file system: ${problem}`, {
            hint: "unless a mount brings it",
          });
        continue;
      }
      const type = fileTypeOrErrno(path);
      if (type < 0) find("error", pointer, `${path}: ${errnoText(-type)}`);
      else if (type === S_IFDIR) find("error", pointer, `${path} is a directory`);
      else if (accessErrno(path, X_OK) === EACCES) find("error", pointer, `${path} is not executable`);
    }
  }
}

/** Why what was found cannot be run; undefined when it can, or when we cannot tell. */
function whyNotRun(inside: Inside, path: string, view: View): string | undefined {
  if (inside.kind === "unknown") return undefined;
  if (inside.kind === "missing") return errnoText(inside.errno);
  if ((inside.mode & S_IFMT) === S_IFDIR) return "is a directory";
  if ((inside.mode & S_IFMT) === S_IFCHR) return "is a device";
  if ((inside.mode & 0o111) === 0) return "is not executable";
  const interpreter = interpreterOf(inside.head);
  if (interpreter === undefined) return undefined;
  if (interpreter.kind === "foreign") return `is a program for ${interpreter.machine}, and this host is none`;
  const there = view.look(interpreter.path);
  return there.kind === "missing"
    ? `${path} is ${interpreter.kind === "script" ? "a script for" : "loaded by"} ${interpreter.path}, and the root file system has no such file`
    : undefined;
}

export function checkProgram({ process, mounts, hooks }: Spec, view: View, find: Find): void {
  const name = process?.args[0];
  if (process === undefined || name === undefined || name === "") return;
  const PATH = process.env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
  const candidates = name.includes("/")
    ? [resolve(process.cwd, name)]
    : PATH.split(":").map((directory) => resolve(process.cwd, join(directory || ".", name)));
  const problems = candidates.map((path) => {
    const inside = view.look(path);
    return { kind: inside.kind, problem: whyNotRun(inside, path, view) };
  });
  // What is mounted over the image, or put into it by a hook, may bring the program.
  const certain =
    hooks.prestart.length + hooks.createRuntime.length + hooks.createContainer.length === 0 &&
    mounts.every(({ destination }) => view.knows(destination));
  const found = problems.find(({ kind }) => kind === "there");
  if (found !== undefined && found.problem === undefined) return;
  if (certain && problems.some(({ kind }) => kind === "unknown")) return; // we may not look
  const where =
    found !== undefined
      ? `: ${found.problem ?? ""}`
      : name.includes("/")
        ? `: ${problems[0]?.problem ?? ""}`
        : PATH === ""
          ? ": there is no PATH in /process/env"
          : `: not found in ${PATH}`;
  find(certain ? "error" : "warning", "/process/args/0", `${JSON.stringify(name)}, in the root file system${where}`, {
    hint: certain ? undefined : "unless a mount or a hook brings it",
    step: found?.problem?.includes("and the root file system has no such file") === true ? "execute" : "find program",
  });
}
