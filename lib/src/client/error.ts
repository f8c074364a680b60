// The error of every command that fails: the record of the runtime's JSON log as properties.

/** The part of a record in the runtime's JSON log that is about a failure. runc and crun write `msg` alone. */
export type ErrorRecord = {
  readonly msg: string;
  readonly code?: string;
  readonly step?: string;
  readonly pointer?: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly errno?: string;
  readonly hint?: string;
};

/** Codes of failures that this client finds by itself. All others are the runtime's, and listed in docs/errors.md. */
export type ClientErrorCode =
  /** The runtime's program could not be started. */
  | "runtime-not-started"
  /** The runtime at hand has no such command or option. */
  | "runtime-lacks-command"
  /** The runtime failed and wrote no record that says why. */
  | "runtime-failed"
  /** The runtime printed something other than the JSON that was expected. */
  | "runtime-output";

/** A command of the runtime that failed. */
export class TsrunError extends Error {
  override readonly name = "TsrunError";
  /** A stable code such as "container-unknown": docs/errors.md lists them. */
  readonly code: string;
  /** The command, such as "create". */
  readonly command: string;
  /** Exit status of the runtime; undefined when it was not started or was killed by a signal. */
  readonly status: number | undefined;
  /** The step that failed, such as "mount filesystems". */
  readonly step: string | undefined;
  /** JSON pointer to the part of config.json that asked for it, such as "/mounts/3". */
  readonly pointer: string | undefined;
  /** The system call or library function that failed. */
  readonly syscall: string | undefined;
  /** The path that the call was made on. */
  readonly path: string | undefined;
  /** Name of the error number, such as "ENOENT". */
  readonly errno: string | undefined;
  /** A suggestion for what to try. */
  readonly hint: string | undefined;
  /** Everything that the command wrote to standard error, where the client read it. */
  readonly stderr: string;

  constructor(
    command: string,
    record: ErrorRecord,
    more: { status?: number | undefined; stderr?: string; cause?: unknown } = {},
  ) {
    super(record.msg, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = record.code ?? "runtime-failed";
    this.command = command;
    this.status = more.status;
    this.step = record.step;
    this.pointer = record.pointer;
    this.syscall = record.syscall;
    this.path = record.path;
    this.errno = record.errno;
    this.hint = record.hint;
    this.stderr = more.stderr ?? "";
  }
}

/** The last failure in the text of a JSON log, where one is recorded. */
export function lastError(log: string): ErrorRecord | undefined {
  const records = log.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as unknown];
    } catch {
      return []; // a line that was cut off
    }
  });
  return records.findLast(isErrorRecord);
}

function isErrorRecord(value: unknown): value is ErrorRecord {
  if (typeof value !== "object" || value === null) return false;
  const record: { readonly level?: unknown; readonly msg?: unknown } = value;
  return record.level === "error" && typeof record.msg === "string";
}
