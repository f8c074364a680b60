import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { EIO, ENOENT } from "../abi/errno.ts";
import { HostError, SpecError, StateError, SysError, UsageError } from "../base/errors.ts";
import { HINTS, hintFor } from "./hints.ts";
import { codeOf, fits, KINDS, TEXTS } from "./codes.ts";
import { errorsPage } from "./pages/errors.ts";

const src = join(dirname(fileURLToPath(import.meta.url)), "..");

describe("cli/codes", () => {
  it("docs/errors.md is made of the catalogue (make docs renews it)", () => {
    assert.equal(readFileSync(join(src, "../docs/errors.md"), "utf8"), errorsPage());
  });

  it("a code is words with dashes, and no kind's name", () => {
    for (const { code } of [...HINTS, ...TEXTS]) {
      assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)+$/);
      assert.equal(code in KINDS, false, code);
    }
  });

  it("an error has the code of its text or call, and that of its kind when it has none", () => {
    const code = (error: unknown): string => codeOf(error).code;
    assert.equal(code(new StateError("container does not exist")), "container-unknown");
    assert.equal(code(new StateError("something new")), "state");
    assert.equal(code(new HostError('exec: "x": stat /bin/x: no such file or directory')), "program-missing");
    assert.equal(
      code(new HostError('/linux/resources/pids: the cgroup controller "pids" is not mounted on this host')),
      "cgroup-controller-missing",
    );
    assert.equal(code(new UsageError("flag needs an argument: --bundle")), "flag-needs-value");
    assert.equal(code(new SpecError([{ pointer: "/root", problem: "is missing" }])), "spec");
    assert.equal(code(new TypeError("x")), "internal");
    assert.equal(hintFor(new SysError("mount", ENOENT, "/a"), []).code, "mount-source-missing");
    assert.equal(hintFor(new SysError("mount", EIO, "/a"), []).code, "system");
  });

  it("no row stands behind another that fits whatever it fits", () => {
    for (const [i, { kind, says }] of TEXTS.entries())
      for (const before of TEXTS.slice(0, i))
        assert.equal(
          before.kind === kind && fits(before.says, says.replaceAll("…", "x")),
          false,
          `${before.says} hides ${says}`,
        );
    for (const [i, row] of HINTS.entries())
      for (const before of HINTS.slice(0, i)) {
        const isAnywhere = before.steps === undefined && before.on === undefined;
        if (!isAnywhere && (before.steps !== row.steps || before.on !== row.on)) continue;
        const shared = row.calls.split(" ").filter((call) => before.calls.split(" ").includes(call));
        assert.deepEqual(
          shared.length > 0 && row.errnos.every((errno) => before.errnos.includes(errno)),
          false,
          `${before.code} hides ${row.code}`,
        );
      }
  });

  it("each text of the catalogue is said somewhere in the sources", () => {
    const files = readdirSync(src, { recursive: true })
      .map(String)
      .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|^cli\/codes\.ts$/.test(file));
    const text = files.map((file) => readFileSync(join(src, file), "utf8")).join("\n");
    for (const { says } of TEXTS)
      for (const part of says.split("…"))
        assert.equal(
          text.includes(part.replaceAll('"', '\\"')) || text.includes(part),
          true,
          `${JSON.stringify(part)} of ${says}`,
        );
  });

  it("… fits any text, and the ends must be the ends", () => {
    for (const [says, message, expected] of [
      ["a … c", "a b c", true],
      ["a … c", "a b c d", false],
      ["… c", "x c", true],
      ["a", "ab", false],
      ["a…b…c", "aXbYc", true],
      ["a…b…c", "aXcYb", false],
      ["ab…b", "ab", false],
    ] as const)
      assert.equal(fits(says, message), expected, `${says} ${message}`);
  });
});
