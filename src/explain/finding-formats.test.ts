import assert from "node:assert/strict";
import { githubAnnotations, sarif } from "./finding-formats.ts";

const finding = {
  level: "error",
  code: "spec",
  pointer: "/mounts/0/type",
  line: 3,
  column: 7,
  problem: 'must be a string, is 100%\nof "a"',
  hint: 'did you mean "tmpfs"?',
} as const;

describe("formats of findings", () => {
  it("GitHub's annotations escape what ends a message or a property", () => {
    assert.equal(
      githubAnnotations([finding], "a,b:c.json"),
      '::error file=a%2Cb%3Ac.json,line=3,col=7,title=spec::/mounts/0/type: must be a string, is 100%25%0Aof "a"; did you mean "tmpfs"?\n',
    );
  });

  it("GitHub's annotations of the whole document stand at its first line", () => {
    const { line: _line, column: _column, hint: _hint, ...whole } = finding;
    assert.match(
      githubAnnotations([{ ...whole, pointer: "", problem: "not JSON" }], "f"),
      /line=1,col=1,title=spec::not JSON\n$/,
    );
  });

  it("SARIF names the rule, the level, the place and the pointer of each finding, and each rule once", () => {
    const log = JSON.parse(JSON.stringify(sarif([finding, { ...finding, level: "warning" }], "config.json", "1.2.3")));
    assert.equal(log.version, "2.1.0");
    const [run] = log.runs;
    assert.deepEqual(run.tool.driver.rules, [{ id: "spec" }]);
    assert.equal(run.tool.driver.version, "1.2.3");
    assert.deepEqual(
      run.results.map((result: { level: string }) => result.level),
      ["error", "warning"],
    );
    const [place] = run.results[0].locations;
    assert.deepEqual(place.physicalLocation.region, { startLine: 3, startColumn: 7 });
    assert.equal(place.logicalLocations[0].fullyQualifiedName, "/mounts/0/type");
  });
});
