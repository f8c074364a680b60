// The parent's story of `tsrun exec`: one more process in a container that runs. The child's is child.ts.

import { PR_SET_DUMPABLE } from "../../abi/prctl.ts";
import { SO_RCVTIMEO, SOCK_SEQPACKET } from "../../abi/socket.ts";
import { hostPid } from "../../base/brand.ts";
import type { Undo } from "../../base/dispose.ts";
import { StateError } from "../../base/errors.ts";
import { frozen } from "../../cgroup/freezer.ts";
import { groupsBelow, openGroup } from "../../cgroup/exec.ts";
import type { SeccompFilter } from "../../seccomp/install.ts";
import { cloneInto } from "../../namespaces/clone.ts";
import { parseStored, type StoredConfig } from "../../spec/stored.ts";
import type { Process } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { readDocument } from "../../sys/document.ts";
import { readFile } from "../../sys/file.ts";
import { exitStatus, prctl, waitPidfd, type Child } from "../../sys/process.ts";
import { limitWaits, noteSenders, socketpair } from "../../sys/socket.ts";
import { attend, takeSignals } from "../foreground/wait.ts";
import { connectPidfdSocket, openConsole, sendPidfd } from "../foreground/console.ts";
import { LOOK_MS, tellChild } from "../channel/messages.ts";
import { receiveForkedChild } from "../channel/late-fork.ts";
import { planExec, type Changes, type ExecPlan } from "../plan/exec-plan.ts";
import { probeForExec } from "../plan/facts.ts";
import { expect } from "../channel/child-messages.ts";
import type { Globals } from "../globals.ts";
import { hookState } from "../lifecycle-hooks.ts";
import { join, type JoinContext } from "./child.ts";
import { killAndReap } from "../process/kill-and-reap.ts";
import { checkInheritedFds } from "../process/inherited-fds.ts";
import { hideOwnProgram } from "../process/own-program.ts";
import { checkStoredProcess, fromStored } from "../state/documents.ts";
import { openInit } from "../state/status.ts";
import { step } from "../step.ts";
import {
  isBeingCreated,
  openContainer,
  readRecord,
  writePidFile,
  type ContainerRecord,
  type StateDirectory,
} from "../state/store.ts";
import { undoOf } from "../undo.ts";
import defer * as configLoader from "../../spec/load.ts";
import defer * as exactJson from "../../base/json.ts";
import defer * as explain from "../../spec/explain.ts";
import defer * as scheduling from "../../process/scheduling.ts";
import defer * as seccompCache from "../../seccomp/cache.ts";
import defer * as seccompListener from "../../seccomp/listener.ts";

export type ExecRequest = {
  readonly id: string;
  /** A file with a `process` of its own, or what is changed of the container's. */
  readonly process: { readonly file: string } | Changes;
  readonly detach: boolean;
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly preserveFds: number;
  /** Groups below the container's, as --cgroup names them. */
  readonly cgroups: readonly string[];
  readonly ignorePaused: boolean;
};

type Container = {
  readonly directory: StateDirectory;
  readonly record: ContainerRecord;
  readonly config: StoredConfig;
  /** `config` as it is stored. */
  readonly text: string;
  readonly init: Fd;
};

/** @returns the exit status of the process, 128 + N when a signal ended it; 0 at once when detached @throws StateError unless the container runs */
export function execInContainer(globals: Globals, request: ExecRequest): number {
  using undo = undoOf(globals);
  const signals = request.detach ? undefined : takeSignals(false);
  const container = step("open container", () => findContainer(globals, request, undo));
  const plan = step("plan", () =>
    fromStored(container.directory, "config.json", container.text, () => planFor(globals, request, container)),
  );
  const seccomp = step("compile seccomp filter", () => prepareSeccomp(globals, plan));
  const console = step("connect console", () =>
    openConsole(plan.terminal, request.detach, request.consoleSocket, undo),
  );
  const pidfdSocket = step("connect pidfd socket", () => connectPidfdSocket(request.pidfdSocket, undo));
  const hidden = step("hide our program", () => hideOwnProgram((message) => globals.debug?.(message)));
  const joiner = step("clone", () =>
    spawn(globals, request, container, { plan, seccomp, console: console?.to, hidden }, undo),
  );
  hidden?.[Symbol.dispose](); // while the child is at work
  const child = step("wait for the process to enter the container", () =>
    meetProcess(globals, container, plan, joiner, undo),
  );
  step("wait for the program", () =>
    expect(globals, container.record.cgroup ?? [], child, joiner.channel, undefined, (notify) =>
      handOver(container, plan, child, notify),
    ),
  );
  if (child !== joiner.child) waitPidfd(joiner.child.pidfd); // it has ended, or the channel would not have
  step("send pidfd", () => sendPidfd(pidfdSocket, "setns", child));
  step("write pid file", () => request.pidFile !== undefined && writePidFile(request.pidFile, child.pid));
  const status = signals === undefined ? 0 : exitStatus(attend(child, signals, console?.mine));
  undo.move();
  return status;
}

function prepareSeccomp(globals: Globals, { seccomp }: ExecPlan): SeccompFilter | undefined {
  return seccomp === undefined ? undefined : seccompCache.seccompFilter(seccomp, globals.root, globals.debug);
}

function handOver({ record }: Container, plan: ExecPlan, child: Child, notify: number): void {
  seccompListener.sendListener(plan.seccomp?.listener, child, notify, hookState(record, "running", record.pid));
}

function findContainer(globals: Globals, request: ExecRequest, undo: Undo): Container {
  const directory = openContainer(globals.root, request.id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  if (isBeingCreated(directory)) throw new StateError("cannot exec in a container in the creating state");
  const init = openInit(record);
  if (init === undefined) throw new StateError("cannot exec in a stopped container");
  undo.use("close pidfd of init", init);
  if (!request.ignorePaused && record.cgroup !== undefined && frozen(record.cgroup))
    throw new StateError("cannot exec in a paused container (use --ignore-paused to override)");
  const text = readFile(directory.fd, "config.json", 32768);
  const stored = fromStored(directory, "config.json", text, () => parseStored(text, () => exactJson));
  checkStoredProcess(directory, text, stored);
  const config = record.timeNamespace === true ? inTimeNamespace(stored) : stored;
  return { directory, record, config, text, init };
}

/** A restored container has one that config.json does not ask for. */
const inTimeNamespace = (config: StoredConfig): StoredConfig => ({
  ...config,
  namespaces: [...config.namespaces, "time"],
});

function planFor(globals: Globals, { process, preserveFds }: ExecRequest, { config, record }: Container): ExecPlan {
  checkInheritedFds("--preserve-fds", 0, preserveFds);
  const asked = "file" in process ? { document: readProcess(process.file) } : { changes: process };
  const plan = planExec(config, asked, probeForExec(), {
    keyring: record.keyring ? { name: `_ses.${record.id}` } : undefined,
    preserveFds,
  });
  // What the container's own process gave cause for was said when it was created.
  if ("file" in process || process.capabilities.length > 0)
    for (const warning of plan.process.warnings) globals.warn(warning);
  return plan;
}

const readProcess = (file: string): Process => configLoader.parseProcess(readDocument(file), () => explain);

type Joiner = { readonly child: Child; readonly channel: Fd };

/** The child goes on in join and does not come back. */
function spawn(
  globals: Globals,
  request: ExecRequest,
  { record, init }: Container,
  context: Pick<JoinContext, "plan" | "seccomp" | "console" | "hidden">,
  undo: Undo,
): Joiner {
  const cgroup = groupsBelow(record.cgroup ?? [], request.cgroups);
  using group = openGroup(cgroup);
  const target = { pid: hostPid(record.pid), pidfd: init, types: context.plan.namespaces };
  const [mine, theirs] = socketpair(SOCK_SEQPACKET);
  undo.use("close channel", mine);
  using channel = theirs; // ours to close, or its end would never be seen
  if (!request.detach) limitWaits(mine, SO_RCVTIMEO, LOOK_MS);
  if (context.plan.pidEntry !== undefined) noteSenders(mine);
  // [cve] CVE-2016-9962: not dumpable the process is closed to the container's other users, and /proc/PID/fd and exe with it.
  prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 0);
  if (context.plan.affinity !== undefined) scheduling.setInitialAffinity(context.plan.affinity, 0); // the clone inherits it
  const { child, inCgroup } = cloneInto(0, group);
  if (child === undefined)
    return join({
      ...context,
      target,
      cgroup,
      intelRdt: record.intelRdt,
      inV2: inCgroup,
      fallback: request.cgroups.length === 0,
      unit: record.systemdUnit,
      channel,
      debug: globals.debug !== undefined,
      listens: globals.steps !== undefined,
    });
  undo.use("close pidfd", child.pidfd);
  undo.defer("kill the process", () => killAndReap(child));
  return { child, channel: mine };
}

/** The process itself, where the joiner has not become it. */
function meetProcess(
  globals: Globals,
  container: Container,
  plan: ExecPlan,
  { child: joiner, channel }: Joiner,
  undo: Undo,
): Child {
  if (plan.pidEntry === undefined) return joiner;
  const child = receiveForkedChild(globals, container.record.cgroup ?? [], joiner, channel, (notify) =>
    handOver(container, plan, joiner, notify),
  );
  undo.use("close pidfd", child.pidfd);
  undo.defer("kill the process", () => killAndReap(child));
  if (plan.lateScheduler !== undefined) {
    scheduling.setScheduler(plan.lateScheduler, child.pid);
    tellChild(channel, { kind: "taken" });
  }
  return child;
}
