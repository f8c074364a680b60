import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { notifyDirectory, readyLine, withNotify } from "./notify.ts";
import { decodeSpec } from "./spec/decode.ts";

describe("the notify socket", () => {
  it("is one mount and one variable more, after all others", () => {
    const spec = decodeSpec({
      ociVersion: "1.3.0",
      root: { path: "rootfs" },
      process: { cwd: "/", args: ["a"], env: ["A=b"] },
      mounts: [{ destination: "/proc", type: "proc" }],
    });
    const { mounts, process, ...rest } = withNotify(spec, notifyDirectory("/run/tsrun/c1"));
    assert.deepEqual(process?.env, ["A=b", "NOTIFY_SOCKET=/run/notify/notify.sock"]);
    assert.deepEqual(mounts.map(({ destination, source, options }) => [destination, source, options.join()]).at(-1), [
      "/run/notify",
      "/run/tsrun/c1/notify",
      "bind,nosuid,noexec,nodev,ro",
    ]);
    assert.equal(mounts.length, 2);
    assert.deepEqual({ ...rest, mounts: spec.mounts, process: spec.process }, spec);
  });

  it("hears READY in any line of a message, and nothing else", () => {
    assert.equal(readyLine("READY=1"), "READY=1");
    assert.equal(readyLine("STATUS=up\nREADY=1\nMAINPID=9\n"), "READY=1");
    for (const message of ["", "STATUS=READY=1", "XREADY=1", "BARRIER=1"]) assert.equal(readyLine(message), undefined);
  });
});
