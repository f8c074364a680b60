// The bills of materials, against the schema of CycloneDX and against what is really there.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";
import { before, describe, it } from "mocha";
import { MACHINE, makeDist, PROJECT, released, run, VERSION } from "./released.ts";

type Component = {
  readonly name: string;
  readonly version: string;
  readonly scope: string;
  readonly purl: string;
  readonly licenses: readonly [{ readonly expression: string }];
};

describe("the bill of materials", function () {
  this.timeout(300_000);
  let bom: {
    components: Component[];
    metadata: { component: { version: string; hashes: [{ content: string }] } };
    dependencies: [{ dependsOn: string[] }];
  };
  before(function () {
    makeDist(this);
    bom = JSON.parse(readFileSync(released(new RegExp(`-linux-${MACHINE}\\.cdx\\.json$`)), "utf8"));
  });

  it("is valid CycloneDX 1.6", () => {
    const schemas = join(
      dirname(createRequire(import.meta.url).resolve("@cyclonedx/cyclonedx-library/package.json")),
      "res/schema",
    );
    const schema = (name: string): object => JSON.parse(readFileSync(join(schemas, name), "utf8"));
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    for (const name of [
      "spdx.SNAPSHOT.schema.json",
      "jsf-0.82.SNAPSHOT.schema.json",
      "cryptography-defs.SNAPSHOT.schema.json",
    ])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}`);
    const validate = ajv.compile(schema("bom-1.6.SNAPSHOT.schema.json"));
    assert(validate(bom), JSON.stringify(validate.errors, null, 2));
  });

  it("is of the program of this release", () => {
    const program = readFileSync(released(new RegExp(`-linux-${MACHINE}$`)));
    assert.equal(bom.metadata.component.version, VERSION);
    assert.equal(bom.metadata.component.hashes[0].content, createHash("sha256").update(program).digest("hex"));
  });

  it("names the engine, the C library and all else that is linked in, and nothing more, as being in the program", () => {
    const names = bom.components
      .filter(({ scope }) => scope === "required")
      .map(({ name }) => name.replace(/-\d+$/, ""));
    const libseccomp = readFileSync(join(PROJECT, "Makefile"), "utf8").includes("-lseccomp") ? ["libseccomp"] : [];
    assert.deepEqual(
      names.filter((name) => name !== "musl" && name !== "glibc").sort(),
      ["@suchipi/quickjs", "gcc", ...libseccomp].sort(),
    );
    assert.equal(names.filter((name) => name === "musl" || name === "glibc").length, 1);
    const required = bom.components.filter(({ scope }) => scope === "required").map(({ purl }) => purl);
    assert.deepEqual([...bom.dependencies[0].dependsOn].sort(), required.sort());
  });

  it("names what built it, with the versions that are installed and a licence each", () => {
    const versions = (name: string): string[] =>
      bom.components.filter((one) => one.name === name).map(({ version }) => version);
    const lock = JSON.parse(readFileSync(join(PROJECT, "package-lock.json"), "utf8"));
    for (const name of Object.keys(lock.packages[""].devDependencies))
      assert(versions(name).includes(lock.packages[`node_modules/${name}`].version), name);
    assert.deepEqual(versions("node"), [process.versions.node]);
    for (const name of ["make", "rpm", "dpkg", "linux-libc-dev"])
      for (const version of versions(name))
        assert.equal(version, run("dpkg-query", ["-W", "-f", "$" + "{Version}", name]), name);
    assert(versions("linux-libc-dev").length > 0 && versions("make").length > 0);
    for (const { name, licenses } of bom.components) assert.match(licenses[0].expression, /^[(A-Z\d]/, name);
  });
});
