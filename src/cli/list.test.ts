import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { PrintedState } from "../spec/types.ts";
import { table } from "./list.ts";
import { printed } from "./printed.ts";

const state: PrintedState = {
  owner: "root",
  id: "a",
  ociVersion: "1.3.0",
  pid: 12,
  status: "running",
  bundle: "/bündel/ist/lang",
  rootfs: "/r",
  created: "2026-11-22T17:12:39.1Z",
  annotations: {},
};

describe("cli/list", () => {
  it("an empty table is runc's line of headings", () => {
    assert.equal(table([]), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
  });

  it("a column is as wide as its widest cell and three blanks, at least twelve", () => {
    assert.equal(
      table([state]),
      "ID          PID         STATUS      BUNDLE             CREATED                  OWNER\n" +
        "a           12          running     /bündel/ist/lang   2026-11-22T17:12:39.1Z   root\n",
    );
  });

  it("a state has runc's keys in runc's order, annotations only when there are some", () => {
    assert.deepEqual(Object.keys(printed(state)), [
      "ociVersion",
      "id",
      "pid",
      "status",
      "bundle",
      "rootfs",
      "created",
      "owner",
    ]);
    assert.deepEqual(Object.keys(printed({ ...state, annotations: { a: "b" } })), [
      "ociVersion",
      "id",
      "pid",
      "status",
      "bundle",
      "rootfs",
      "created",
      "annotations",
      "owner",
    ]);
  });
});
