import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decodeRecord, salvageFields } from "./record.ts";

const RECORD = {
  ociVersion: "1.2.0",
  id: "web1",
  bundle: "/srv/web1",
  rootfs: "/srv/web1/rootfs",
  annotations: { note: 'a "quoted", {nested} [text] \\' },
  created: "2026-01-01T00:00:00Z",
  owner: 0,
  pid: 4711,
  startTime: "123456",
  cgroup: [{ controllers: ["cpu", "cpuacct"], path: "/sys/fs/cgroup/cpu/web1" }],
  keyring: true,
  sharedPid: false,
  poststart: [],
  poststop: [{ path: "/bin/true", args: ["true"], env: ["A=b"], timeout: 5 }],
};
const TEXT = JSON.stringify(RECORD);

describe("runtime/state/record", () => {
  it("takes what is written, and nothing of another container", () => {
    assert.deepEqual(decodeRecord(TEXT, "web1"), RECORD);
    assert.equal(decodeRecord(TEXT, "web2"), "it is of another container");
  });

  it("names the field that is wrong", () => {
    assert.equal(decodeRecord(JSON.stringify({ ...RECORD, pid: "4711" }), "web1"), "/pid is of another form");
    assert.equal(decodeRecord(JSON.stringify({ ...RECORD, poststop: undefined }), "web1"), "/poststop is missing");
    assert.equal(decodeRecord("[]", "web1"), "it is no object");
    assert.equal(decodeRecord(TEXT.slice(0, -1), "web1"), "it is no JSON");
  });

  it("of a text that is cut off anywhere, the members before stay", () => {
    for (let length = 0; length <= TEXT.length; length++) {
      const fields = salvageFields(TEXT.slice(0, length), "web1");
      for (const [name, value] of Object.entries(fields))
        assert.deepEqual(value, RECORD[name as keyof typeof RECORD], `${name} of ${length} characters`);
      if (length > TEXT.indexOf('"keyring"')) assert.deepEqual(fields.cgroup, RECORD.cgroup);
    }
    assert.deepEqual(salvageFields(TEXT, "web1"), RECORD);
    assert.deepEqual(salvageFields(TEXT, "web2"), {});
  });

  it("of fields that are wrong, the others stay", () => {
    const { pid, cgroup } = salvageFields(JSON.stringify({ ...RECORD, pid: -1 }), "web1");
    assert.deepEqual([pid, cgroup], [undefined, RECORD.cgroup]);
  });
});
