// The calls that a user namespace brings with it fail, one at a time: nothing may be left, and whoever asked hears which step failed at which call.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "mocha";
import type { Config } from "../system/bundle.ts";
import { eventually, ok, PROGRAM, useBox, type Box, type Container } from "../system/harness.ts";

const STRACE = "/usr/bin/strace";

/** Of each process by itself, as strace counts. */
const MOMENTS = [1, 2, 3];

function mapped(config: Config): void {
  config.linux.namespaces.push({ type: "user" }, { type: "time" });
  config.linux.timeOffsets = { boottime: { secs: 60, nanosecs: 0 } };
  config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
}

function joined(target: Container): (config: Config) => void {
  const { pid } = target.state();
  return (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network" && type !== "pid");
    for (const [type, file] of [
      ["user", "user"],
      ["network", "net"],
      ["pid", "pid"],
    ] as const)
      config.linux.namespaces.push({ type, path: `/proc/${pid}/ns/${file}` });
  };
}

describe("in a user namespace a system call that fails", function () {
  this.timeout(120_000);
  const box = useBox();

  /** @param slow a call that takes long each time it is made */
  function fails(
    change: (config: Config) => void,
    call: string,
    own: Box,
    moments: readonly number[] = MOMENTS,
    slow?: string,
  ): void {
    for (const when of moments) {
      const container = own.container(change);
      const delayed = slow === undefined ? [] : ["-e", `inject=${slow}:delay_exit=50000`];
      const { status, stderr } = own.exec(STRACE, [
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        `trace=${call}${slow === undefined ? "" : `,${slow}`}`,
        "-e",
        `inject=${call}:error=EIO:when=${when}`,
        ...delayed,
        PROGRAM,
        "--root",
        own.stateRoot,
        "create",
        "--bundle",
        container.bundle,
        container.id,
      ]);
      if (status === 0) {
        ok(container.delete("--force")); // there is no call of that number
        continue;
      }
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        /^(?:tsrun: warning: .*\n)*tsrun: create \S+: [^:]+: .*input\/output error \(EIO\)/,
        `${call}, call ${when}: ${JSON.stringify(stderr)}`,
      );
      const left = (): readonly string[] =>
        own.leftovers().filter((line) => new RegExp(`${container.id}(?!\\w)`).test(line));
      eventually(`the tracer ends after ${call}, call ${when}`, () => !left().some((line) => line.includes(STRACE)));
      assert.deepEqual(left(), [], `${call}, call ${when}: ${stderr}`);
    }
  }

  for (const call of [
    "clone3",
    "setns",
    "unshare",
    "setresuid",
    "setresgid",
    "setgroups",
    "sendmsg",
    "recvmsg",
    "prctl",
    "open_tree",
    "move_mount",
  ]) {
    it(`${call}: nothing is left, and the error names step and call`, () => fails(mapped, call, box()));
  }

  for (const call of ["clone3", "setns", "setresuid", "setgroups", "sendmsg", "recvmsg", "pidfd_open", "waitid"]) {
    it(`${call}, on the way into one of others: nothing is left, and the error names step and call`, () => {
      const target = box().container((config) => {
        mapped(config);
        config.process.args = ["sleep", "60"];
      });
      ok(target.run(["--detach"]));
      fails(joined(target), call, box());
      ok(target.delete("--force"));
    });
  }

  for (const call of [
    "clone",
    "setns",
    "mount",
    "sendmsg",
    "recvmsg",
    "recvfrom",
    "write",
    "pidfd_open",
    "waitid",
    "prlimit64",
    "setsid",
    "renameat2",
  ]) {
    it(`${call}, on the way into a pid namespace of others: nothing is left, and the error names step and call`, () => {
      const target = box().container((config) => (config.process.args = ["sleep", "60"]));
      ok(target.run(["--detach"]));
      const path = `/proc/${target.state().pid}/ns/pid`;
      fails(
        (config) =>
          (config.linux.namespaces = config.linux.namespaces.map((one) =>
            one.type === "pid" ? { type: "pid", path } : one,
          )),
        call,
        box(),
        call === "write" || call === "recvfrom" ? [1, 2, 3, 4, 5, 6, 7, 8] : MOMENTS,
      );
      ok(target.delete("--force"));
    });
  }

  it("in init is what is told, however late the runtime comes to see that init has ended", () => {
    for (const call of ["unshare", "setns"]) fails(mapped, call, box(), [1], "prlimit64");
  });

  it("in init is what is told, not what the runtime could not do with an init that has ended", () => {
    const device = `tf${process.pid % 100000}`;
    ok(box().exec("/usr/sbin/ip", ["link", "add", device, "type", "veth", "peer", "name", `${device}p`]));
    try {
      fails((config) => (config.linux["netDevices"] = { [device]: {} }), "setsid", box(), [1], "clone3");
    } finally {
      spawnSync("ip", ["link", "del", `${device}p`]);
    }
  });
});
