import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { EACCES, ENOENT, EPERM } from "../abi/errno.ts";
import { HostError, SpecError, StateError, StepError, SysError, UsageError } from "../base/errors.ts";
import { HINTS } from "./hints.ts";
import { TEXTS } from "./codes.ts";
import { record } from "./log.ts";
import { describe as describeError } from "./report.ts";

const failed = { flags: {}, command: "create", subject: "web1" };
const lines = (error: unknown): readonly string[] => describeError(error, failed).lines;

describe("cli/report", () => {
  it("says command, container, steps, the part of config.json, call, object, text and name of the errno, and a hint", () => {
    const error = new StepError(
      "wait for the program",
      new StepError("mount filesystems", new SysError("mount", EPERM, "proc on /proc"), "/mounts/0"),
    );
    const { lines, extra } = describeError(error, failed);
    const hint = String(extra["hint"]);
    assert.match(hint, /new pid namespace/);
    assert.deepEqual(lines, [
      `create web1: mount filesystems: /mounts/0: mount(2) proc on /proc: operation not permitted (EPERM) — ${hint}`,
    ]);
    assert.deepEqual(extra, {
      code: "mount-proc-forbidden",
      step: "mount filesystems",
      pointer: "/mounts/0",
      syscall: "mount",
      path: "/proc",
      errno: "EPERM",
      hint,
    });
  });

  it("gives the hint that fits the place", () => {
    const hintOf = (error: unknown): string => String(describeError(error, failed).extra["hint"] ?? "");
    assert.match(
      hintOf(new StepError("mount filesystems", new SysError("mount", EPERM, "tmpfs on /tmp"))) ?? "",
      /CAP_SYS_ADMIN/,
    );
    assert.match(
      hintOf(new StepError("mount filesystems", new SysError("mount", EPERM, "sysfs on /sys"))) ?? "",
      /network namespace/,
    );
    assert.match(
      hintOf(new StepError("complete cgroup", new SysError("write", EACCES, '"1" to /sys/fs/cgroup/a/pids.max'))) ?? "",
      /delegated/,
    );
    assert.match(
      hintOf(new StepError("set oom score", new SysError("write", EACCES, '"-1" to /proc/1/oom_score_adj'))) ?? "",
      /CAP_SYS_RESOURCE/,
    );
  });

  it("says a step that is its call only once", () => {
    const call = '"9" to /x/cpuset.cpus';
    assert.match(
      lines(
        new StepError(
          "complete cgroup",
          new StepError(`write ${call}`, new SysError("write", EACCES, call), "/linux/resources/cpu/cpus"),
        ),
      )[0] ?? "",
      /^create web1: complete cgroup: \/linux\/resources\/cpu\/cpus: write\(2\) "9" to/,
    );
  });

  it("has no hint where there is none to give", () => {
    assert.deepEqual(lines(new SysError("fchmod", ENOENT, "")), [
      "create web1: fchmod(2): no such file or directory (ENOENT)",
    ]);
  });

  it("names the manual's section of library calls", () => {
    assert.match(
      lines(new SysError("seccomp_load", EACCES, "filter"))[0] ?? "",
      /seccomp_load\(3\) filter: permission denied \(EACCES\)/,
    );
    assert.match(lines(new SysError("seccomp", EACCES, "filter"))[0] ?? "", /seccomp\(2\)/);
  });

  it("survives an errno that it does not know", () =>
    assert.deepEqual(lines(new SysError("mount", 999, "x")), ["create web1: mount(2) x: unknown error (errno 999)"]));

  it("gives every violation of config.json a line of its own with its place", () => {
    const { lines, extra } = describeError(
      new StepError(
        "load config.json",
        new SpecError([
          { pointer: "/process/args", problem: "must not be empty" },
          { pointer: "", problem: "not JSON" },
        ]),
      ),
      failed,
    );
    assert.deepEqual(lines, [
      "create web1: load config.json: /process/args: must not be empty",
      "create web1: load config.json: not JSON",
    ]);
    assert.equal(extra["code"], "spec");
  });

  it("says a hundred violations, and that there are more", () => {
    const violations = Array.from({ length: 30_000 }, (_, i) => ({ pointer: `/mounts/${i}`, problem: "is wrong" }));
    const said = lines(new SpecError(violations));
    assert.equal(said.length, 101);
    assert.deepEqual(said.slice(99), ["create web1: /mounts/99: is wrong", "create web1: and more"]);
  });

  it("leaves the texts that callers look for as they are", () => {
    assert.match(
      lines(new StateError("container does not exist"))[0] ?? "",
      /^create web1: container does not exist — /,
    );
    assert.match(
      lines(new StepError("find program", new HostError('exec: "x": executable file not found in $PATH')))[0] ?? "",
      /^create web1: find program: exec: "x": executable file not found in \$PATH — /,
    );
  });

  it("keeps a step of waiting when nothing was under way in it", () => {
    assert.match(
      lines(
        new StepError("wait for cgroup", new HostError("container init was OOM-killed (memory limit too low?)")),
      )[0] ?? "",
      /^create web1: wait for cgroup: container init was OOM-killed \(memory limit too low\?\)/,
    );
  });

  it("sends the user of a wrong command line to the help", () => {
    assert.deepEqual(lines(new UsageError("flag needs an argument: --bundle")), [
      'create: flag needs an argument: --bundle — "tsrun create --help" shows how',
    ]);
    assert.deepEqual(
      describeError(new UsageError('unknown command "x"'), { flags: {}, command: undefined, subject: undefined }).lines,
      [`unknown command "x" — "tsrun help" lists the commands`],
    );
  });

  it("shows where an unexpected error came from", () => {
    assert.match(lines(new TypeError("oops"))[0] ?? "", /^create web1: internal error: TypeError: oops\n {4}at /);
  });

  it("no hint holds words that callers take for something else", () => {
    const words =
      /permission denied|operation not permitted|no such file|not found|does not exist|is a directory|not a directory|no such process|container not running|process already finished|open executable|needs an argument|\/attr\//i;
    for (const { hint = "" } of [...HINTS, ...TEXTS]) assert.doesNotMatch(hint, words);
  });
});

describe("cli/log", () => {
  const time = "2026-11-22T17:12:39.5Z";

  it("writes JSON as callers read it: one object, level, msg and time first", () => {
    const line = record("json", "error", 'a "b"\nc', time, { code: "state" });
    assert.equal(line, '{"level":"error","msg":"a \\"b\\"\\nc","time":"2026-11-22T17:12:39.5Z","code":"state"}\n');
  });

  it("writes text as logrus does", () => {
    assert.equal(
      record("text", "error", 'a "b"\nc', time),
      'time="2026-11-22T17:12:39.5Z" level=error msg="a \\"b\\"\\nc"\n',
    );
    assert.equal(record("text", "debug", "pivot", time), 'time="2026-11-22T17:12:39.5Z" level=debug msg=pivot\n');
  });
});
