// Docker's daemon calls the runtime through containerd's shim. Spoken to by its API: the command line client is another package.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { PROGRAM, soon, useBox } from "../system/harness.ts";
import { removeStore, rootfsArchive } from "./image.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const RUNTIME = "under-test";

type Answer = { readonly status: number; readonly body: Buffer };

describe("docker", function () {
  this.timeout(120_000);
  const box = useBox();
  let store = "";
  let daemon: ChildProcess | undefined;

  const socketPath = (): string => join(store, "docker.sock");

  function call(method: string, path: string, body?: object | Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers =
        body === undefined ? {} : { "Content-Type": Buffer.isBuffer(body) ? "application/x-tar" : "application/json" };
      const asked = request({ socketPath: socketPath(), method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on("error", reject);
      });
      asked.on("error", reject);
      asked.end(body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body));
    });
  }

  /** The answer's JSON; undefined where there is none. @throws AssertionError for any other status than those of success */
  async function well<T = undefined>(method: string, path: string, body?: object | Buffer): Promise<T> {
    const answer = await call(method, path, body);
    const text = answer.body.toString();
    assert(answer.status >= 200 && answer.status < 300, `${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  before(async () => {
    store = mkdtempSync(join(tmpdir(), "tsrun-docker-"));
    const log = openSync(join(store, "log"), "w");
    writeFileSync(join(store, "daemon.json"), "{}"); // or it would read that of /etc
    const flags = [
      ...[
        "--host",
        `unix://${socketPath()}`,
        "--config-file",
        join(store, "daemon.json"),
        "--data-root",
        join(store, "data"),
        "--exec-root",
        join(store, "exec"),
        "--pidfile",
        join(store, "pid"),
      ],
      ...[
        "--storage-driver",
        "vfs",
        "--bridge",
        "none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--add-runtime",
        `${RUNTIME}=${PROGRAM}`,
      ],
    ];
    daemon = spawn("/usr/sbin/dockerd", flags, { stdio: ["ignore", log, log], env: { PATH } });
    await soon("docker's daemon listens", () => existsSync(socketPath()), 60_000);
    await well("POST", "/images/create?fromSrc=-&repo=busybox&tag=latest", readFileSync(rootfsArchive(store))).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${readFileSync(join(store, "log"), "utf8").slice(-3000)}`);
      },
    );
  });

  after(async () => {
    const end = new Promise((resolve) =>
      daemon === undefined || daemon.exitCode !== null ? resolve(0) : daemon.once("exit", resolve),
    );
    daemon?.kill("SIGTERM");
    await end;
    removeStore(store);
  });

  /** Makes a container; the answer of its start. */
  async function start(
    name: string,
    command: readonly string[],
    host: object = {},
  ): Promise<{ readonly id: string; readonly answer: Answer }> {
    const { Id } = await well<{ Id: string }>("POST", `/containers/create?name=${box().prefix}${name}`, {
      Image: "busybox",
      Cmd: command,
      Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
      HostConfig: { Runtime: RUNTIME, NetworkMode: "none", CgroupParent: `/${box().prefix}docker`, ...host },
    });
    return { id: Id, answer: await call("POST", `/containers/${Id}/start`) };
  }

  async function remove(id: string): Promise<void> {
    await well("DELETE", `/containers/${id}?force=true`);
    box().removeCgroups(); // docker leaves the parent
  }

  const status = async (id: string): Promise<number> =>
    (await well<{ StatusCode: number }>("POST", `/containers/${id}/wait`)).StatusCode;

  /** What came on one stream: frames of a stream's number, three unused bytes and a length. @see Docker Engine API, ContainerAttach */
  function stream(body: Buffer, wanted: 1 | 2): string {
    let text = "";
    for (let at = 0; at + 8 <= body.length; at += 8 + body.readUInt32BE(at + 4))
      if (body[at] === wanted) text += body.subarray(at + 8, at + 8 + body.readUInt32BE(at + 4)).toString();
    return text;
  }

  it("knows the runtime, starts a container, gets its streams and its status", async () => {
    const { Runtimes } = await well<{ Runtimes: object }>("GET", "/info");
    assert(RUNTIME in Runtimes);
    const { id, answer } = await start("hello", [
      "sh",
      "-c",
      "grep Seccomp: /proc/self/status; echo error >&2; exit 7",
    ]);
    assert.equal(answer.status, 204, answer.body.toString());
    assert.equal(await status(id), 7);
    const { body } = await call("GET", `/containers/${id}/logs?stdout=1&stderr=1`);
    assert.deepEqual([stream(body, 1), stream(body, 2)], ["Seccomp:\t2\n", "error\n"]);
    await remove(id);
  });

  it("says of a program that is missing or not executable what it says with runc: 127 and 126", async () => {
    for (const [program, code, text] of [
      ["nosuch", 127, /executable file not found in \$PATH/],
      ["/etc/passwd", 126, /permission denied/],
    ] as const) {
      const { id, answer } = await start("missing", [program]);
      assert.equal(answer.status, 400, answer.body.toString());
      assert.match(answer.body.toString(), text);
      assert.match(answer.body.toString(), /OCI runtime create failed: /);
      const { State } = await well<{ State: { ExitCode: number } }>("GET", `/containers/${id}/json`);
      assert.equal(State.ExitCode, code, program);
      await remove(id);
    }
  });

  it("executes commands in a container, lists its processes, pauses it, changes its limits and kills it", async () => {
    const { id, answer } = await start("stay", ["sleep", "600"], { Memory: 64 * 2 ** 20 });
    assert.equal(answer.status, 204, answer.body.toString());
    const { Id } = await well<{ Id: string }>("POST", `/containers/${id}/exec`, {
      Cmd: ["sh", "-c", "echo inside; exit 9"],
      AttachStdout: true,
      AttachStderr: true,
      User: "1000",
    });
    assert.equal(stream((await call("POST", `/exec/${Id}/start`, { Detach: false, Tty: false })).body, 1), "inside\n");
    assert.equal((await well<{ ExitCode: number }>("GET", `/exec/${Id}/json`)).ExitCode, 9);
    assert.match((await call("GET", `/containers/${id}/top`)).body.toString(), /sleep 600/);
    await well("POST", `/containers/${id}/pause`);
    assert.equal((await well<{ State: { Status: string } }>("GET", `/containers/${id}/json`)).State.Status, "paused");
    await well("POST", `/containers/${id}/unpause`);
    await well("POST", `/containers/${id}/update`, { Memory: 96 * 2 ** 20, MemorySwap: 96 * 2 ** 20 });
    const { State } = await well<{ State: { Pid: number } }>("GET", `/containers/${id}/json`);
    const v1 = /memory:(.*)/.exec(readFileSync(`/proc/${State.Pid}/cgroup`, "utf8"))?.[1];
    const v2 = /0::(.*)/.exec(readFileSync(`/proc/${State.Pid}/cgroup`, "utf8"))?.[1];
    const file =
      v1 === undefined ? `/sys/fs/cgroup${v2}/memory.max` : `/sys/fs/cgroup/memory${v1}/memory.limit_in_bytes`;
    assert.equal(readFileSync(file, "utf8").trim(), String(96 * 2 ** 20));
    await well("POST", `/containers/${id}/kill?signal=KILL`);
    assert.equal(await status(id), 137);
    await remove(id);
  });

  it("joins the namespaces of another container", async () => {
    const first = await start("first", ["sleep", "600"], { IpcMode: "shareable" });
    const second = await start("second", ["ps", "-o", "args"], {
      PidMode: `container:${first.id}`,
      IpcMode: `container:${first.id}`,
    });
    assert.equal(second.answer.status, 204, second.answer.body.toString());
    assert.equal(await status(second.id), 0);
    assert.match(stream((await call("GET", `/containers/${second.id}/logs?stdout=1`)).body, 1), /^sleep 600$/m);
    await well("DELETE", `/containers/${second.id}?force=true`);
    await remove(first.id);
  });
});
