// Every way in which a command can fail. An error says: doing which step, for which part of config.json, which call on what,
// which errno; cli/report.ts prints it once and adds what to try. Nothing here is logged or printed.

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The exit status, runc's: 3 where there is no such command. */
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

export type Violation = {
  /** JSON pointer into config.json; "" is the whole document. */
  readonly pointer: string;
  /** What was expected, in words. */
  readonly problem: string;
  /** What to write instead. */
  readonly hint?: string;
};

/** config.json (or another input document) breaks the schema or a law between its fields. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[]) {
    super(violations.map(({ pointer, problem }) => (pointer ? `${pointer}: ${problem}` : problem)).join("; "));
    this.violations = violations;
  }
}

/** The container is not in a state that allows the command. The message is runc's: callers match on it. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** The host or the caller's input does not allow what was asked, found by ourselves and not by a call. */
export class HostError extends Error {
  override readonly name = "HostError";
}

/** A system call or library call failed. */
export class SysError extends Error {
  override readonly name = "SysError";
  readonly syscall: string;
  /** Positive errno. */
  readonly errno: number;
  readonly detail: string;
  /** What is known beyond the errno, such as the kernel's own words. */
  readonly note: string | undefined;

  constructor(syscall: string, errno: number, detail: string, note?: string) {
    super(`${syscall} ${detail}: errno ${errno}${note === undefined ? "" : ` (${note})`}`);
    this.syscall = syscall;
    this.errno = errno;
    this.detail = detail;
    this.note = note;
  }
}

/** What failed while the named step ran, for the part of config.json that asked for it. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly step: string;
  readonly why: string | undefined;
  override readonly cause: unknown;

  constructor(step: string, cause: unknown, why?: string) {
    super(`${step}${why === undefined ? "" : ` (${why})`}: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.step = step;
    this.why = why;
    this.cause = cause;
  }
}

/** True for a SysError with one of these errno values. */
export function isErrno(error: unknown, ...errnos: readonly number[]): error is SysError {
  return error instanceof SysError && errnos.includes(error.errno);
}

/** Marks the end of a switch over a union: a new variant is a type error here. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
