import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { adviceFor, complaints } from "./log.ts";

const LOG = `(00.000020) Version: 4.2.1 (gitid 0)
(00.101826) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.010498)     12: Error (criu/sk-inet.c:188): inet: Connected TCP socket, consider using --tcp-established option.
(00.010511) Error (criu/sk-inet.c:188): inet: Connected TCP socket, consider using --tcp-established option.
(00.010600) Warn  (criu/image.c:134): Failed to open parent directory
(00.011000) Error (criu/cr-dump.c:2098): Dumping FAILED.
`;

describe("CRIU's log", () => {
  it("is told by its last complaints that mean something, each once", () => {
    assert.deepEqual(complaints(LOG), ["inet: Connected TCP socket, consider using --tcp-established option."]);
    assert.deepEqual(complaints("(00.1) Error (a.c:1): Dumping FAILED.\n"), ["Dumping FAILED."]);
    assert.deepEqual(complaints(""), []);
  });

  it("comes with what to try where that is known", () => {
    assert.match(adviceFor(complaints(LOG)) ?? "", /--tcp-established/);
    assert.equal(adviceFor(["something else"]), undefined);
  });
});
