import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { journalRecord, syslogRecord } from "./log-daemons.ts";

describe("cli/logdaemons", () => {
  it("a record for syslog has facility and level before the name", () => {
    assert.equal(syslogRecord("web1", "error", "no"), "<11>web1: no");
    assert.equal(syslogRecord("web1", "warning", "no"), "<12>web1: no");
  });

  it("a record for the journal has a line for each field", () => {
    const text = Buffer.from(journalRecord("web1", "error", "no", { code: "spec", errno: "ENOENT" })).toString();
    assert.equal(text, "MESSAGE=no\nPRIORITY=3\nSYSLOG_IDENTIFIER=web1\nTSRUN_CODE=spec\nTSRUN_ERRNO=ENOENT\n");
  });

  it("a value of several lines has its length in bytes before it", () => {
    const bytes = Buffer.from(journalRecord("web1", "debug", "ä\nb", {}));
    assert.deepEqual(
      [...bytes.subarray(0, 21)],
      [...Buffer.from("MESSAGE\n"), 4, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from("ä\nb\n")],
    );
  });
});
