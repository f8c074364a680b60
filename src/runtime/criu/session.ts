// CRIU as a child of ours, from its start to its end, for `checkpoint` and `restore`.

import { O_RDWR } from "../../abi/fcntl.ts";
import { MFD_CLOEXEC } from "../../abi/memfd.ts";
import { PR_SET_PDEATHSIG } from "../../abi/prctl.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { SOCK_SEQPACKET } from "../../abi/socket.ts";
import type { Undo } from "../../base/dispose.ts";
import { HostError } from "../../base/errors.ts";
import { readLog } from "../../criu/images.ts";
import { adviceFor, complaints } from "../../criu/log.ts";
import type { CriuRequest, CriuResponse } from "../../criu/messages.ts";
import { checkVersion, OWN_CONFIG, type HostOfCriu } from "../../criu/options-plan.ts";
import { ask, becomeCriu, inPath, NotStarted, type Listener } from "../../criu/swrk.ts";
import { inherit, type Fd } from "../../sys/fd.ts";
import { lseek, memfd_create, openat, readAll } from "../../sys/file.ts";
import { fileTypeOrErrno } from "../../sys/stat.ts";
import { host } from "../../sys/host.ts";
import { cloneInto } from "../../namespaces/clone.ts";
import { exit_group, prctl, waitPidfd, type Child } from "../../sys/process.ts";
import { ALL_SIGNALS, blockSignals, resetSignals, unblockSignals } from "../../sys/signal.ts";
import { socketpair } from "../../sys/socket.ts";
import { decodeError, tellFailure, type EncodedError } from "../channel/messages.ts";
import { killAndReap } from "../process/kill-and-reap.ts";

export type Criu = {
  readonly child: Child;
  /** clone3 has put it into the cgroup. */
  readonly inCgroup: boolean;
  readonly socket: Fd;
  /** What it says on its standard error while it does not know its log yet; undefined: that is ours. */
  readonly said: Fd | undefined;
};

export type CriuStart = {
  readonly program: string;
  /** To start in; null: where we are. */
  readonly cgroup: Fd | null;
  /** Its standard streams are ours, which it gives to the processes that it restores. Otherwise they lead nowhere. */
  readonly ownStreams: boolean;
  /** Descriptors for it, from FIRST_PASSED on. */
  readonly passed: readonly Fd[];
  /** What the child does before it becomes CRIU. */
  readonly prepare: (socket: Fd) => void;
};

/** Starts it. [law] It dies with us: whatever is restored halfway then is found by its cgroup. */
export function startCriu({ program, cgroup, ownStreams, passed, prepare }: CriuStart, undo: Undo): Criu {
  const [mine, theirs] = socketpair(SOCK_SEQPACKET);
  undo.use("close the socket to CRIU", mine);
  using socket = theirs;
  const said = ownStreams ? undefined : undo.use("close what CRIU said", memfd_create("criu", MFD_CLOEXEC));
  const { child, inCgroup } = cloneInto(0, cgroup);
  if (child === undefined) {
    try {
      mine[Symbol.dispose]();
      prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL);
      blockSignals(ALL_SIGNALS);
      resetSignals();
      if (said !== undefined) leadNowhere(said);
      prepare(socket);
      unblockSignals();
      becomeCriu(program, socket, passed);
    } catch (error) {
      tellFailure(socket, error);
    }
    exit_group(1);
  }
  undo.use("close pidfd of CRIU", child.pidfd);
  undo.defer("end CRIU", () => killAndReap(child));
  return { child, inCgroup, socket: mine, said };
}

function leadNowhere(said: Fd): void {
  using nothing = openat(null, "/dev/null", O_RDWR);
  inherit(nothing, 0);
  inherit(nothing, 1);
  inherit(said, 2);
}

/** As ask of criu/swrk.ts; an end without an answer is told with what CRIU said. */
export function askCriu({ socket, child, said }: Criu, request: CriuRequest, listener?: Listener): CriuResponse {
  try {
    return ask(socket, child.pidfd, request, listener);
  } catch (error) {
    if (error instanceof NotStarted) {
      const message = JSON.parse(error.message) as { readonly error: EncodedError };
      throw decodeError(message.error);
    }
    const words = error instanceof HostError && said !== undefined ? textOf(said) : "";
    if (words === "" || !(error instanceof HostError)) throw error;
    throw new HostError(`${error.message}: ${words}`);
  }
}

const SHOWN = 400;

function textOf(said: Fd): string {
  lseek(said, 0, 0);
  return host
    .decode(readAll(said))
    .trim()
    .replace(/\s*\n\s*/g, "; ")
    .slice(-SHOWN);
}

/** @returns its version @throws HostError when it is too old */
export function askVersion(criu: Criu): number {
  const { version } = askCriu(criu, { kind: "version", keepOpen: true });
  if (version === undefined) throw new HostError("CRIU does not say which version it is");
  checkVersion(version);
  return version;
}

/** After the last answer it ends by itself. */
export function endCriu({ socket, child }: Criu): void {
  socket[Symbol.dispose]();
  waitPidfd(child.pidfd);
}

export const hostOfCriu = (): HostOfCriu => ({
  ownConfig: fileTypeOrErrno(OWN_CONFIG) >= 0,
  iptablesRestore: inPath("iptables-restore") !== undefined,
});

/**
 * The error of a request that CRIU has refused.
 * @param what such as "save the container"
 * @param aftermath what has become of the container
 */
export function refusal(
  what: string,
  { errno, errorMessage }: CriuResponse,
  log: { readonly directory: Fd; readonly name: string; readonly path: string },
  aftermath: string,
): HostError {
  const lines = complaints(readLog(log.directory, log.name));
  const message = errorMessage === undefined ? "" : host.decode(errorMessage).trim();
  const why = lines.length > 0 ? lines.join("; ") : message !== "" ? message : `errno ${errno ?? 0}`;
  const advice = adviceFor(lines);
  return new HostError(
    `CRIU cannot ${what}: ${why}${advice === undefined ? "" : ` (${advice})`}; ${aftermath}; its log is ${log.path}/${log.name}`,
  );
}
