#!/usr/bin/env node
// Runs the program of the package for this machine. install.mjs puts the program itself in this file's place, where npm may run it; this is for
// installations without scripts.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";

/** How many descriptors from 3 on the caller means to pass with --preserve-fds. */
function preserved(words) {
  const at = words.findIndex((word) => /^--?preserve-fds(=|$)/.test(word));
  return at < 0 ? 0 : Number(words[at].split("=")[1] ?? words[at + 1]) || 0;
}

function programPath() {
  const name = `@tsrun/linux-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/tsrun`);
  } catch {
    process.stderr.write(
      `tsrun: the package ${name} is not installed: ${
        ["x64", "arm64"].includes(process.arch) && process.platform === "linux"
          ? "npm leaves it out with --omit=optional or --no-optional, and where node_modules came from another machine"
          : `tsrun is for Linux on x64 and arm64, and this is ${process.platform} on ${process.arch}`
      }\n`,
    );
    return process.exit(1);
  }
}

const program = programPath();
const words = process.argv.slice(2);
// They are meant for the process that LISTEN_PID names, see sd_listen_fds(3).
const listening = Number(process.env.LISTEN_PID) === process.pid ? Number(process.env.LISTEN_FDS) || 0 : 0;
const more = listening + preserved(words);
// Newer versions of Node can become the program, but all other descriptors are closed then.
if (process.execve && more === 0) process.execve(program, ["tsrun", ...words], process.env);
const [command, first] = listening > 0 ? ["/bin/sh", ["-c", 'LISTEN_PID=$$ exec "$0" "$@"', program]] : [program, []];
const child = spawn(command, [...first, ...words], {
  stdio: ["inherit", "inherit", "inherit", ...Array.from({ length: more }, (_, i) => i + 3)],
});
// Whatever ends, stops or wakes us is meant for the program.
for (const signal of Object.keys(constants.signals))
  if (
    ![
      "SIGKILL",
      "SIGSTOP",
      "SIGCHLD",
      "SIGPROF",
      "SIGSEGV",
      "SIGBUS",
      "SIGFPE",
      "SIGILL",
      "SIGABRT",
      "SIGIOT",
      "SIGTRAP",
      "SIGSYS",
      "SIGPIPE",
      "SIGURG",
    ].includes(signal)
  )
    try {
      process.on(signal, () => child.kill(signal));
    } catch {
      // one that Node keeps for itself
    }
child.once("error", (error) => {
  process.stderr.write(`tsrun: ${program}: ${error.message}\n`);
  process.exit(1);
});
child.once("exit", (status, signal) => {
  if (signal === null) process.exit(status);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
