import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { exampleConfig } from "./example.ts";
import * as explain from "./explain.ts";
import { checkRootless } from "./validate.ts";
import { parseConfig } from "./load.ts";

type Json = { [key: string]: Json } & { [index: number]: Json };

const root = exampleConfig({ cgroupNamespace: true, rootless: undefined });
const rootless = exampleConfig({ cgroupNamespace: true, rootless: { uid: 1000, gid: 100 } });

describe("exampleConfig", () => {
  it("keeps every law", () => {
    parseConfig(JSON.stringify(root), () => explain);
    assert.deepEqual(checkRootless(parseConfig(JSON.stringify(rootless), () => explain).spec), []);
  });

  it("for rootless maps the caller to root and leaves out what needs root", () => {
    const linux = (rootless as Json)["linux"];
    assert.deepEqual(linux?.["uidMappings"], [{ containerID: 0, hostID: 1000, size: 1 }]);
    assert.deepEqual(linux?.["gidMappings"], [{ containerID: 0, hostID: 100, size: 1 }]);
    assert.equal(linux?.["resources"], undefined);
    assert.deepEqual(
      linux?.["namespaces"],
      ["pid", "ipc", "uts", "mount", "cgroup", "user"].map((type) => ({ type })),
    );
    assert.doesNotMatch(JSON.stringify(rootless), /gid=/);
  });

  for (const flags of [[], ["--rootless"]]) {
    it(`is what runc spec ${flags.join(" ")} writes, but for what newer versions changed`, function () {
      const bundle = mkdtempSync(join(tmpdir(), "tsrun-spec-"));
      let text: string;
      try {
        execFileSync("runc", ["spec", "--bundle", bundle, ...flags], { stdio: "pipe" });
        text = readFileSync(join(bundle, "config.json"), "utf8");
      } catch {
        if (this.test !== undefined) this.test.title += " (runc is not installed)";
        return this.skip();
      } finally {
        rmSync(bundle, { recursive: true });
      }
      const theirs = JSON.parse(text) as Json;
      const namespaces = theirs["linux"]?.["namespaces"] as unknown as { type: string }[];
      const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
      const ours = exampleConfig({
        cgroupNamespace: namespaces.some(({ type }) => type === "cgroup"),
        rootless: flags.length > 0 ? ids : undefined,
      }) as Json;
      // The name of the runtime, the version of the spec, no ambient capabilities since 1.1.6, /proc/scsi last or not at all.
      theirs["hostname"] = ours["hostname"] as Json;
      theirs["ociVersion"] = ours["ociVersion"] as Json;
      delete (theirs["process"]?.["capabilities"] as Json)["ambient"];
      const masked = (json: Json): string[] => (json["linux"]?.["maskedPaths"] as unknown as string[]).sort();
      assert.deepEqual(
        masked(ours).filter((path) => !masked(theirs).includes(path)),
        [],
      );
      assert.deepEqual(JSON.parse(JSON.stringify(ours)), theirs);
    });
  }
});
