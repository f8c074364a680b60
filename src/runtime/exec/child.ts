// The child's story of `tsrun exec`: from the clone to the user's program. The parent's is parent.ts; channel/ is all they share afterwards.
// It starts with the parent's memory and descriptors on the host, and never returns. Where the container has a pid namespace the process itself is
// forked as late as can be: channel/late-fork.ts says why.

import type { IntelRdtPaths } from "../../intelrdt.ts";
import type { LsmAttributes, LsmPlan } from "../../lsm.ts";
import { resetAffinity } from "../../process/affinity.ts";
import type { AffinityPlan } from "../../process/scheduling-plan.ts";
import { ENOENT } from "../../abi/errno.ts";
import { PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../../abi/prctl.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { enterGroups } from "../../cgroup/exec.ts";
import type { CgroupPaths, SystemdUnit } from "../../cgroup/plan.ts";
import { rejoinSessionKeyring } from "../../keyring.ts";
import { joinContainer, type Target } from "../../namespaces/join.ts";
import { becomeUser, changeDirectory, giveStdio, setNoNewPrivileges } from "../../process/become.ts";
import { closeDescriptors, execute, findProgram } from "../../process/execute.ts";
import { setOomScoreAdj, setOwnOomScoreAdj, setRlimits, settleRlimits } from "../../process/limits.ts";
import type { SeccompPlan } from "../../seccomp/plan.ts";
import { installSeccomp, type SeccompFilter } from "../../seccomp/install.ts";
import { forgetEnvironment } from "../../sys/environ.ts";
import type { Fd } from "../../sys/fd.ts";
import { closeAllBut, readFileIfThere } from "../../sys/file.ts";
import { exit_group, geteuid, getpid, prctl, setsid } from "../../sys/process.ts";
import { ALL_SIGNALS, blockSignals, resetSignals, unblockSignals } from "../../sys/signal.ts";
import type { MasterTo } from "../../terminal/attach.ts";
import type { TerminalPlan } from "../../terminal/plan.ts";
import { DEBUG_BEGIN, passNotify, send, tellFailure, tellSteps } from "../channel/messages.ts";
import { forkIntoPidNamespace } from "../channel/late-fork.ts";
import type { ExecPlan } from "../plan/exec-plan.ts";
import { inUserNamespace } from "../../sys/user-namespace.ts";
import { logSteps, step } from "../step.ts";
import defer * as lsm from "../../lsm.ts";
import defer * as rdt from "../../intelrdt.ts";
import defer * as scheduling from "../../process/scheduling.ts";
import defer * as terminalAttachment from "../../terminal/attach.ts";
import defer * as userNamespace from "../../namespaces/user.ts";
import defer * as ownLimit from "../process/own-limit.ts";
import defer * as evaluate from "../../seccomp/evaluate.ts";

export type JoinContext = {
  readonly plan: ExecPlan;
  readonly seccomp: SeccompFilter | undefined;
  readonly target: Target;
  readonly cgroup: CgroupPaths;
  readonly intelRdt: IntelRdtPaths | undefined;
  /** The clone has put us into the v2 group. */
  readonly inV2: boolean;
  /** Where the container's own group takes nobody, its init's does. */
  readonly fallback: boolean;
  readonly unit: SystemdUnit | undefined;
  /** Where the master of the terminal goes; undefined when there is none. */
  readonly console: MasterTo | undefined;
  /** What our program is mapped from; the parent closes it as well, later. */
  readonly hidden: Fd | undefined;
  /** Our end of the channel. */
  readonly channel: Fd;
  readonly debug: boolean;
  /** Somebody wants to hear of our steps. */
  readonly listens: boolean;
};

/** Ends in execve, or reports what failed and exits. */
export function join({
  plan,
  seccomp,
  target,
  cgroup,
  intelRdt,
  inV2,
  fallback,
  unit,
  console,
  hidden,
  channel,
  debug,
  listens,
}: JoinContext): never {
  const { pidEntry } = plan;
  try {
    hidden?.[Symbol.dispose]();
    logSteps(listens ? tellSteps(channel, "join") : undefined);
    if (debug)
      for (const text of [...DEBUG_BEGIN, ...affinityWords(plan.affinity)])
        send(channel, { kind: "log", level: "debug", text });
    step("leave the caller's session", leaveCaller);
    const attributes = step("open security attributes", () => plan.lsm && lsm.openLsmAttributes(plan.lsm));
    const groupsDenied = step("look at the user namespace", () => setgroupsDenied(target));
    step("set oom score", () => setOomScore(plan, channel));
    step("enter cgroup", () => enterGroups(cgroup, inV2, fallback ? target.pid : undefined, unit));
    step("enter resource control group", () => intelRdt && rdt.joinIntelRdt(intelRdt, getpid()));
    step("set rlimits", () =>
      setRlimits(plan.process, "self", { processes: pidEntry === undefined ? 0 : 1, descriptors: 0 }),
    ); // as late as we have the right to: a low one is ours as well
    step("set CPU affinity", () => setAffinity(plan.affinity));
    step("join namespaces", () => joinContainer(target));
    step("become root of the user namespace", () => becomeRoot(target, groupsDenied || plan.process.keepsGroups));
    // `/` is the container's own from here on
    step("join session keyring", () => withKeyLabel(plan.lsm, attributes, () => rejoinSessionKeyring(plan.keyring)));
    step("apply AppArmor profile", () => plan.lsm && attributes && lsm.applyProfile(plan.lsm, attributes));
    step("set SELinux label", () => plan.lsm && attributes && lsm.applyLabel(plan.lsm, attributes));
    step("attach terminal", () => attachTerminal(plan.terminal, console));
    step("let go of the host", () => letGo(channel, plan.process.inheritedFds));
    // become the user's process
    step("hand over stdio", () => giveStdio(plan.process));
    step("set no_new_privs", () => setNoNewPrivileges(plan.process));
    step("set scheduling", () => plan.scheduling && scheduling.setScheduling(plan.scheduling));
    step("enter pid namespace before seccomp", () => pidEntry === "before seccomp" && enterPidNamespace(plan, channel));
    step("install seccomp as root", () =>
      installSeccomp(seccomp, "privileged", (notify) => passNotify(channel, notify)),
    );
    const there = step("become user", () => becomeUser(plan.process, groupsDenied, pidEntry === "last" ? ENOENT : 0));
    step("close descriptors", () => closeDescriptors(plan.process));
    step("enter pid namespace", () => pidEntry === "last" && enterPidNamespace(plan, channel));
    prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // [kernel] a change of ids forgets it, and so does a fork
    // the container sees us from here on
    step("take terminal", () => takeTerminal(plan.terminal));
    step("enter working directory", () => there || changeDirectory(plan.process)); // below /proc/self there is nothing for who is in another pid namespace
    const program = step("find program", () => findProgram(plan.process));
    if (debug) send(channel, { kind: "log", level: "debug", text: "setns_init: about to exec" }); // runc's words
    prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, 0);
    unblockSignals();
    step("install seccomp with a listener", () =>
      installSeccomp(seccomp, "created", (notify) => passNotify(channel, notify)),
    );
    step("install seccomp", () => installSeccomp(seccomp, "started", (notify) => passNotify(channel, notify)));
    step("execute", () => execute(program, () => mayLook(plan.seccomp)));
  } catch (error) {
    tellFailure(channel, ownLimit.withOwnLimit(error, plan.process));
  }
  exit_group(1);
}

const mayLook = (filter: SeccompPlan | undefined): boolean => evaluate.letsRead(filter);

const withKeyLabel = (plan: LsmPlan | undefined, attributes: LsmAttributes | undefined, join: () => void): void =>
  plan === undefined || attributes === undefined ? join() : lsm.withKeyLabel(plan, attributes, join);

const setAffinity = (plan: AffinityPlan | undefined): void =>
  plan === undefined ? resetAffinity() : scheduling.setFinalAffinity(plan);

/** As runc logs it. */
const affinityWords = (plan: AffinityPlan | undefined): readonly string[] =>
  plan?.initial === undefined ? [] : [`nsexec: affinity: 0x${plan.initial.cpus.toString(16)}`];

function leaveCaller(): void {
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // until execve: a process half made must not outlive its maker
  setsid();
  blockSignals(ALL_SIGNALS);
  resetSignals();
}

/** Before the container's /proc is ours: whether the user namespace that the process will be in has given up setgroups(2). */
function setgroupsDenied({ pid, types }: Target): boolean {
  const at = types.includes("user") ? pid : inUserNamespace() ? "self" : undefined;
  return at !== undefined && (readFileIfThere(null, `/proc/${at}/setgroups`) ?? "").startsWith("deny");
}

/** [kernel] Root of the host is nobody in the container: what it makes there, a terminal among others, would belong to nobody. */
function becomeRoot({ types }: Target, groupsDenied: boolean): void {
  if (!types.includes("user")) return;
  userNamespace.becomeRoot(groupsDenied);
  prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 0);
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // [kernel] a change of ids forgets it
}

function setOomScore({ process }: ExecPlan, channel: Fd): void {
  if (geteuid() === 0) setOomScoreAdj(process, "self");
  else setOwnOomScoreAdj(process, (text) => send(channel, { kind: "log", level: "warning", text }));
}

/** From here on we hold nothing but stdio, what is passed on and the channel, and know nothing that our caller has in its environment. */
function letGo(channel: Fd, inheritedFds: number): void {
  closeAllBut(3 + inheritedFds, [channel]);
  forgetEnvironment();
}

/** Returns in another process. What a fork takes away its parent gives it, before it goes on. */
function enterPidNamespace(plan: ExecPlan, channel: Fd): void {
  forkIntoPidNamespace(channel, plan.lateScheduler !== undefined);
  settleRlimits(plan.process);
}

function attachTerminal(plan: TerminalPlan, to: MasterTo | undefined): void {
  if (plan !== undefined && to !== undefined) terminalAttachment.attachTerminal(plan, to);
}

function takeTerminal(plan: TerminalPlan): void {
  if (plan !== undefined) terminalAttachment.controlTerminal();
}
