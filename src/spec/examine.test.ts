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
    assert.deepEqual(examine('{\n  "a": 1,\n}').findings, [
      {
        level: "error",
        pointer: "",
        line: 3,
        column: 1,
        problem: 'not JSON: expected a property name in double quotes, found "}"',
      },
    ]);
  });

  it("says of every finding where it stands in the text", () => {
    const text =
      '{ "ociVersion": "1.0.0",\n  "root": {},\n  "hostname": 5, "hostnam": 1,\n  "process": { "args": ["a"], "cwd": "/", "env": ["b"] } }';
    assert.deepEqual(
      examine(text).findings.map(({ pointer, line, column }) => `${pointer} ${line}:${column}`),
      ["/root/path 2:11", "/hostname 3:15", "/process/env/0 4:51", "/hostnam 3:18"],
    );
  });

  it("says what was meant by a value that the schema refuses", () => {
    const hints = (part: object): (string | undefined)[] =>
      examine(JSON.stringify({ ...least, ...part })).findings.map(({ hint }) => hint);
    const process = (part: object): (string | undefined)[] => hints({ process: { args: ["a"], cwd: "/", ...part } });
    const linux = (part: object): (string | undefined)[] => hints({ linux: part });
    assert.deepEqual(linux({ namespaces: [{ type: "netwrok" }, { type: "net" }, { type: "zzz" }] }), [
      'did you mean "network"?',
      'did you mean "network"?',
      undefined,
    ]);
    const limit = { soft: 1, hard: 1 };
    assert.deepEqual(process({ rlimits: ["RLIMIT_NOFILES", "nofile", "NPROC"].map((type) => ({ type, ...limit })) }), [
      'did you mean "RLIMIT_NOFILE"?',
      'did you mean "RLIMIT_NOFILE"?',
      'did you mean "RLIMIT_NPROC"?',
    ]);
    assert.deepEqual(process({ rlimits: [{ type: "RLIMIT_CORE", soft: "unlimited", hard: "5" }] }), [
      "write 18446744073709551615",
      "write 5",
    ]);
    assert.deepEqual(linux({ seccomp: { defaultAction: "SCMP_ACT_DENY", architectures: ["SCMP_ARCH_AMD64"] } }), [
      'did you mean "SCMP_ACT_ERRNO"?',
      'did you mean "SCMP_ARCH_X86_64"?',
    ]);
    assert.deepEqual(
      linux({
        resources: { memory: { limit: "64m", reservation: "unlimited", swap: "1.5GiB" }, cpu: { quota: "50ms" } },
      }),
      ["write 67108864", "write -1", "write 1610612736", "write 50000"],
    );
    assert.deepEqual(process({ user: { uid: "1000", gid: 0, umask: "0022" } }), ["write 1000", "write 18"]);
    assert.deepEqual(process({ terminal: "true", args: "sh -c true", env: { A: 1 }, cwd: "work" }), [
      "write true",
      'write ["sh","-c","true"]',
      'write ["A=1"]',
      'write "/work"',
    ]);
    assert.deepEqual(hints({ mounts: [{ destination: "/a", options: "ro,nosuid" }] }), ['write ["ro","nosuid"]']);
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
        'error /hostname: must be a string, not 5; write "5"',
        "error /linux/maskedPaths: unable to restrict sys entries without a private MNT namespace",
        "error /linux/resources/memory/swappiness: must be an integer between 0 and 100",
      ],
    );
  });

  it("a law says nothing when what it looks at is broken", () => {
    assert.deepEqual(found({ hostname: "a", linux: { namespaces: [{ type: "mount" }, { type: "utz" }] } }), [
      'error /linux/namespaces/1/type: must be one of pid, network, mount, ipc, uts, user, cgroup, time, not "utz"; did you mean "uts"?',
    ]);
    assert.deepEqual(found({ linux: { resources: { memory: { limit: "x", swap: 5 } } } }), [
      'error /linux/resources/memory/limit: must be an integer between -9223372036854775808 and 9223372036854775807, not "x"',
    ]);
    assert.deepEqual(found({ linux: 5 }), ["error /linux: must be an object, not 5"]);
  });

  it("a law that compares parts by identity sees each as one, beside a broken part as well", () => {
    const namespaces = [{ type: "mount" }, { type: "uts" }, { type: "mount" }];
    assert.deepEqual(found({ hostname: 5, linux: { namespaces } }), [
      'error /hostname: must be a string, not 5; write "5"',
      'error /linux/namespaces/2: duplicated ns "mount"',
    ]);
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

  it("gives what can be understood of the document, whose pointers go on meaning the original", () => {
    const read = (part: object): Examination["read"] => examine(JSON.stringify({ ...least, ...part })).read;
    assert.equal(read({ hostname: "a" })?.spec.hostname, "a");
    const partly = read({ hostname: 5, domainname: "a", mounts: [{ source: "/a" }, { destination: "/b" }] });
    assert.equal(partly?.spec.hostname, undefined);
    assert.equal(partly?.spec.domainname, "a");
    assert.deepEqual(
      partly?.spec.mounts.map(({ destination }) => destination),
      ["/b"],
    );
    assert.equal(partly?.rest.original("/mounts/0/destination"), "/mounts/1/destination");
  });

  it("fills in what must be there, to look at the rest", () => {
    const spec = examine('{"process":{"user":{"uid":7}},"linux":{"seccomp":{}}}').read?.spec;
    assert.deepEqual([spec?.process?.user.uid, spec?.process?.args, spec?.root.path], [7, ["sh"], "rootfs"]);
    assert.equal(spec?.linux.seccomp, undefined);
  });
});

describe("Remainder", () => {
  const document = { a: { b: 1, "c/d": 2 }, list: [{ x: [1, 2] }, { x: [3] }, { x: [] }] };

  it("leaves the document itself as it is", () => {
    const rest = new Remainder(document);
    assert.deepEqual(rest.remove(["/a/b", "/list/0"]), []);
    assert.equal(document.a.b, 1);
    assert.equal(document.list.length, 3);
  });

  it("takes out properties, and whole items of lists", () => {
    const rest = new Remainder(document);
    assert.deepEqual(rest.remove(["/a/c~1d"]), []);
    assert.deepEqual(rest.remove(["/list/1/x/0"]), []);
    assert.deepEqual(rest.json, { a: { b: 1 }, list: [{ x: [1, 2] }, { x: [] }] });
  });

  it("pointers mean the original, before and after", () => {
    const rest = new Remainder(document);
    assert.deepEqual(rest.remove(["/list/0"]), []);
    assert.equal(rest.original("/list/1/x"), "/list/2/x");
    assert.equal(rest.original("/a/c~1d"), "/a/c~1d");
    assert.deepEqual(rest.remove(["/list/2"]), []);
    assert.deepEqual(rest.json, { a: document.a, list: [{ x: [3] }] });
  });

  it("a copy means the same original, and what is taken out of it stays in the first", () => {
    const rest = new Remainder(document);
    assert.deepEqual(rest.remove(["/list/0"]), []);
    const copy = rest.copy();
    assert.deepEqual(copy.remove(["/list/1"]), []);
    assert.equal(copy.original("/list/0/x"), "/list/2/x");
    assert.equal(rest.original("/list/0/x"), "/list/1/x");
  });

  it("puts values where nothing is", () => {
    const rest = new Remainder({ a: {} });
    rest.add("/a/b", { c: [1] });
    assert.deepEqual(rest.json, { a: { b: { c: [1] } } });
  });

  it("says when there is nothing to take out", () => {
    const rest = new Remainder(document);
    for (const pointer of ["", "/b", "/a/e", "/a/b/c", "/list/7"]) assert.deepEqual(rest.remove([pointer]), [pointer]);
    assert.deepEqual(rest.remove(["/list/0"]), []);
    assert.deepEqual(rest.remove(["/list/0"]), ["/list/0"]);
  });
});
