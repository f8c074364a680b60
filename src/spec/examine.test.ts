import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { stringify } from "../base/json.ts";
import { examine as examineWith, type Examination, Remainder } from "./examine.ts";
import { exampleConfig } from "./example.ts";
import { full } from "./full.fixture.ts";
import * as loader from "./load.ts";

const examine = (text: string): Examination => examineWith(text, loader);

const least = { ociVersion: "1.0.0", root: { path: "rootfs" } };

/** All that is found, as `validate` prints it. */
const lines = (text: string): string[] =>
  examine(text).findings.map(
    ({ level, pointer, problem, hint }) => `${level} ${pointer}: ${problem}${hint === undefined ? "" : `; ${hint}`}`,
  );
const found = (part: object): string[] => lines(JSON.stringify({ ...least, ...part }));

describe("examine", () => {
  it("finds nothing in what `spec` writes", () => {
    assert.deepEqual(lines(stringify(exampleConfig({ cgroupNamespace: true, rootless: undefined }))), []);
  });

  it("finds nothing in a config.json with everything in it", () => {
    assert.deepEqual(lines(stringify(full)), []);
  });

  it("says where the text is not JSON, by line and column", () => {
    assert.deepEqual(lines('{\n  "a": 1,\n}'), [
      'error : not JSON: line 3, column 1: expected a property name in double quotes, found "}"',
    ]);
  });

  it("finds every violation of the schema and, beside them, the laws that are broken", () => {
    assert.deepEqual(
      found({
        root: {},
        hostname: 5,
        domainname: "a",
        linux: { resources: { memory: { swappiness: 101 } }, maskedPaths: ["/a"] },
      }),
      [
        "error /root/path: is required",
        "error /hostname: must be a string, not 5",
        "error /linux/maskedPaths: unable to restrict sys entries without a private MNT namespace",
        "error /linux/resources/memory/swappiness: must be an integer between 0 and 100",
      ],
    );
  });

  it("a law says nothing when what it looks at is broken", () => {
    assert.deepEqual(found({ hostname: "a", linux: { namespaces: [{ type: "mount" }, { type: "utz" }] } }), [
      'error /linux/namespaces/1/type: must be one of pid, network, mount, ipc, uts, user, cgroup, time, not "utz"',
    ]);
    assert.deepEqual(found({ linux: { resources: { memory: { limit: "x", swap: 5 } } } }), [
      'error /linux/resources/memory/limit: must be an integer between -9223372036854775808 and 9223372036854775807, not "x"',
    ]);
    assert.deepEqual(found({ linux: 5 }), ["error /linux: must be an object, not 5"]);
  });

  it("the items of a list that are not broken are judged, and named by where they stand", () => {
    const idmapped = { destination: "/b", source: "/b", options: ["idmap"] };
    const pointers = examine(
      JSON.stringify({ ...least, mounts: [{ source: "/a" }, { destination: "/c", options: 5 }, idmapped] }),
    ).findings.map(({ pointer }) => pointer);
    assert.deepEqual(pointers, ["/mounts/0/destination", "/mounts/1/options", "/mounts/2", "/mounts/2"]);
  });

  it("without ociVersion or process.cwd the other laws still hold", () => {
    assert.deepEqual(lines(JSON.stringify({ root: { path: "a" }, process: { args: ["a"], env: ["x"] } })), [
      "error /ociVersion: is required",
      "error /process/cwd: is required",
      "error /process/env/0: invalid environment variable \"x\": missing '='",
    ]);
  });

  it("finds a document that is no object, and nothing inside it", () => {
    for (const text of ["[]", "5", "null", '"a"']) assert.equal(examine(text).findings.length, 1, text);
  });

  it("warns of unknown names, with what may have been meant", () => {
    assert.deepEqual(found({ hostnam: "a", noNewPrivileges: true }), [
      "warning /hostnam: nothing of this name is known and it is ignored; did you mean hostname?",
      "warning /noNewPrivileges: nothing of this name is known and it is ignored; did you mean /process/noNewPrivileges?",
    ]);
  });

  it("warns once of a name that is given again and again", () => {
    assert.deepEqual(lines('{"ociVersion":"1.0.0","root":{"path":"a","path":"b","path":"c"}}'), [
      "warning /root/path: is given more than once: the last one counts",
    ]);
  });

  it("takes null for absent, as Go does", () =>
    assert.deepEqual(found({ mounts: null, process: { cwd: "/", args: ["a"], env: null } }), []));

  it("finds NUL bytes", () =>
    assert.deepEqual(
      found({ hostname: "a\0" }).filter((line) => line.includes("NUL")),
      ["error /hostname: contains a NUL byte (\\u0000)"],
    ));

  it("gives the document when a Spec can be made of it, and only then", () => {
    assert.deepEqual(examine(JSON.stringify({ ...least, hostname: "a" })).read?.json, { ...least, hostname: "a" });
    assert.equal(examine(JSON.stringify({ ...least, hostname: "a" })).read?.spec.hostname, "a");
    assert.equal(examine(JSON.stringify({ ...least, hostname: 5 })).read, undefined);
  });
});

describe("Remainder", () => {
  const document = { a: { b: 1, "c/d": 2 }, list: [{ x: [1, 2] }, { x: [3] }, { x: [] }] };

  it("leaves the document itself as it is", () => {
    const rest = new Remainder(document);
    assert(rest.remove("/a/b") && rest.remove("/list/0"));
    assert.equal(document.a.b, 1);
    assert.equal(document.list.length, 3);
  });

  it("takes out properties, and whole items of lists", () => {
    const rest = new Remainder(document);
    assert(rest.remove("/a/c~1d"));
    assert(rest.remove("/list/1/x/0"));
    assert.deepEqual(rest.json, { a: { b: 1 }, list: [{ x: [1, 2] }, { x: [] }] });
  });

  it("pointers mean the original, before and after", () => {
    const rest = new Remainder(document);
    assert(rest.remove("/list/0"));
    assert.equal(rest.original("/list/1/x"), "/list/2/x");
    assert.equal(rest.original("/a/c~1d"), "/a/c~1d");
    assert(rest.remove("/list/2"));
    assert.deepEqual(rest.json, { a: document.a, list: [{ x: [3] }] });
  });

  it("says when there is nothing to take out", () => {
    const rest = new Remainder(document);
    for (const pointer of ["", "/b", "/a/e", "/a/b/c", "/list/7"]) assert.equal(rest.remove(pointer), false, pointer);
    assert(rest.remove("/list/0"));
    assert.equal(rest.remove("/list/0"), false);
  });
});
