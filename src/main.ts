// argv → options → command → exit status. A command, and what reports its failure, is loaded when it is needed.

import "./base/engine-tables.ts";
import { AT_FDCWD, F_GETFD, O_RDWR } from "./abi/fcntl.ts";
import { RLIMIT_FSIZE } from "./abi/resource.ts";
import { kernel_sigaction, SIG_IGN, SIGXFSZ } from "./abi/signal.ts";
import { SYS_fcntl, SYS_openat, SYS_prlimit64, SYS_rt_sigaction } from "./abi/syscall.ts";
import { UsageError } from "./base/errors.ts";
import { checkArguments, parse, valuesOf, type Known } from "./cli/parse.ts";
import { findCommand, globalOptions, type Command } from "./cli/table.ts";
import { host } from "./sys/host.ts";
import defer * as help from "./cli/help.ts";
import defer * as report from "./cli/report.ts";
import defer * as version from "./cli/version.ts";
import defer * as unknown from "./cli/unknown.ts";
import defer * as steps from "./cli/steps.ts";

/** Opens /dev/null where standard input, output or error is closed: else the first file that we open would take the number. */
function openStdio(): void {
  for (let fd = 0; fd <= 2; fd++)
    if (host.syscall(SYS_fcntl, fd, F_GETFD) < 0) host.syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
}

const fileSizeLimit = new Uint32Array(4);

/**
 * [kernel] A write beyond RLIMIT_FSIZE ends us by SIGXFSZ, unless that is ignored: then it fails with EFBIG, and what was made is taken back. Looked at
 * first, for an ignored signal has to be given its default again wherever a program is executed.
 */
function surviveFileSizeLimit(): void {
  host.syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, null, fileSizeLimit);
  if (fileSizeLimit[0] === 0xffff_ffff && fileSizeLimit[1] === 0xffff_ffff) return; // RLIM_INFINITY
  const action = new Uint32Array(kernel_sigaction.size / 4).fill(SIG_IGN, 0, 1); // its handler's lower half; neither flags nor mask
  host.syscall(SYS_rt_sigaction, SIGXFSZ, action, null, 8);
}

const start = (
  command: Command | undefined,
  own: Known,
  args: readonly string[],
  globals: Known<typeof globalOptions>,
): number => command?.run(valuesOf(own), args, valuesOf(globals)) ?? 0;

/** What the program does when it starts; host/host.c calls it. @returns the exit status */
export function main(): number {
  const globals: Known<typeof globalOptions> = { options: globalOptions, given: {} };
  let name: string | undefined;
  let command: Command | undefined;
  let args: readonly string[] = [];
  try {
    openStdio();
    surviveFileSizeLimit();
    const words = parse(host.argv.slice(1), 1, globals);
    if (globals.given["version"]) return version.run();
    name = words[0] ?? "help";
    command = findCommand(name);
    if (command === undefined) throw unknown.unknownCommand(name);
    const own: Known = { options: command.options, given: {} };
    args = parse(words.slice(1), command.stopAfter ?? Infinity, own, globals);
    if (globals.given["help"]) return help.run({}, words.slice(0, 1));
    checkArguments(name, args.length, command.takes);
    const { trace } = globals.given;
    if (typeof trace === "string") return steps.traced(trace, name, () => start(command, own, args, globals));
    return start(command, own, args, globals);
  } catch (error) {
    report.report(error, {
      flags: globals.given,
      command: command && name,
      subject: args[0],
    });
    return error instanceof UsageError ? error.status : (command?.failureStatus ?? 1);
  }
}
