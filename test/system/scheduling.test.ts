// How the kernel treats the container's process: scheduler, I/O priority, personality, memory policy, processors.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { machine } from "node:os";
import { dirname, resolve } from "node:path";
import { before, describe, it } from "mocha";
import { defaultConfig, type Config } from "./bundle.ts";
import { hasController } from "./groups.ts";
import { fields, isTsrun, itOurs, ok, PROGRAM, refused, useBox, type Container } from "./harness.ts";

/** Field `number` of proc_pid_stat(5). */
function stat(pid: number, number: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[number - 3]);
}

/** What the kernel may have been built without. */
const hasMemoryPolicy = existsSync("/proc/self/numa_maps");
const has32Bits = spawnSync("setarch", ["linux32", "uname", "-m"], { encoding: "utf8" }).stdout.trim() !== machine();
const itIf = (has: boolean, what: string): typeof itOurs =>
  has ? itOurs : (name) => it.skip(`${name} (this kernel has no ${what})`);
const itWithPolicy = itIf(hasMemoryPolicy, "memory policy");
const itWithCpuset = itIf(hasController("cpuset"), "cpuset controller");

const NICE = 19;
const POLICY = 41;
const SCHED_BATCH = 3;

describe("process.scheduler", () => {
  const box = useBox();

  function created(scheduler: object, look: (pid: number) => void): void {
    const container = box().container((config) => {
      config.process["scheduler"] = scheduler;
      config.process.args = ["sleep", "100"];
    });
    ok(container.create());
    look(container.state().pid);
    ok(container.start());
    look(container.state().pid);
    ok(container.delete("--force"));
  }

  itOurs("sets policy and nice value, before and after start", () => {
    created({ policy: "SCHED_BATCH", nice: 7 }, (pid) =>
      assert.deepEqual([stat(pid, POLICY), stat(pid, NICE)], [SCHED_BATCH, 7]),
    );
    created({ policy: "SCHED_OTHER", nice: -5 }, (pid) => assert.equal(stat(pid, NICE), -5));
    created({ policy: "SCHED_IDLE" }, (pid) => assert.equal(stat(pid, POLICY), 5));
  });

  itOurs("sets deadlines, with flags", () => {
    const scheduler = {
      policy: "SCHED_DEADLINE",
      runtime: 42000,
      deadline: 1000000,
      period: 2000000,
      flags: ["SCHED_FLAG_RESET_ON_FORK"],
    };
    created(scheduler, (pid) => {
      const { stdout } = ok(box().exec("/usr/bin/chrt", ["-p", String(pid)]));
      assert.match(stdout, /SCHED_DEADLINE\|SCHED_RESET_ON_FORK/);
      assert.match(stdout, /42000\/1000000\/2000000/);
    });
  });

  itWithCpuset("that does not go with a cpuset is refused in runc's words", () => {
    refused(
      box()
        .container((config) => {
          config.linux.resources = { cpu: { cpus: "0" } };
          config.process["scheduler"] = {
            policy: "SCHED_DEADLINE",
            runtime: 42000,
            deadline: 1000000,
            period: 1000000,
          };
        })
        .run(),
      /process scheduler can't be used together with AllowedCPUs/,
    );
  });

  itOurs("that the kernel refuses is an error that names it", () => {
    refused(
      box()
        .container((config) => (config.process["scheduler"] = { policy: "SCHED_ISO" }))
        .run(),
      /\/process\/scheduler: sched_setattr\(2\) SCHED_ISO: invalid argument/,
    );
  });
});

describe("process.ioPriority", () => {
  const box = useBox();

  itOurs("sets class and level", () => {
    for (const [ioPriority, said] of [
      [{ class: "IOPRIO_CLASS_BE", priority: 4 }, "best-effort: prio 4"],
      [{ class: "IOPRIO_CLASS_RT", priority: 1 }, "realtime: prio 1"],
      [{ class: "IOPRIO_CLASS_IDLE", priority: 0 }, "idle"],
    ] as const) {
      const container = box().container((config) => {
        config.process["ioPriority"] = ioPriority;
        config.process.args = ["sleep", "100"];
      });
      ok(container.create());
      assert.equal(ok(box().exec("/usr/bin/ionice", ["-p", String(container.state().pid)])).stdout.trim(), said);
      ok(container.delete("--force"));
    }
  });
});

describe("linux.personality", () => {
  const box = useBox();
  const uname = (personality: object | undefined, change: (config: Config) => void = () => undefined): string =>
    box()
      .inside("uname -m", (config) => {
        if (personality !== undefined) config.linux["personality"] = personality;
        change(config);
      })
      .trim();

  itIf(has32Bits, "personality of 32 bits")("LINUX32 is a 32-bit machine, LINUX is what it is", () => {
    const small = { x86_64: "i686", aarch64: "armv8l" }[machine()];
    assert.equal(uname({ domain: "LINUX32" }), small);
    assert.equal(uname({ domain: "LINUX", flags: [] }), machine());
  });

  itOurs("flags are ignored with a warning", () => {
    const container = box().container(
      (config) => (config.linux["personality"] = { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }),
    );
    assert.match(
      ok(container.run()).stderr,
      /ignoring unsupported personality flags: \[ADDR_NO_RANDOMIZE\] because personality flag has not supported at this time/,
    );
  });
});

describe("linux.memoryPolicy", () => {
  const box = useBox();
  const policy = (memoryPolicy: object): string =>
    box()
      .inside("head -n 1 /proc/self/numa_maps", (config) => (config.linux["memoryPolicy"] = memoryPolicy))
      .split(" ")[1]
      ?.trim() ?? "";

  itWithPolicy("sets mode, nodes and flags", () => {
    assert.equal(policy({ mode: "MPOL_INTERLEAVE", nodes: "0" }), "interleave:0");
    assert.match(policy({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] }), /^bind.static:0$/);
    assert.match(
      policy({ mode: "MPOL_PREFERRED", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES"] }),
      /^prefer.*relative:0$/,
    );
    assert.equal(policy({ mode: "MPOL_DEFAULT" }), "default");
    assert.match(policy({ mode: "MPOL_LOCAL" }), /^local/);
  });

  itWithPolicy("with nodes that are not there is an error", () => {
    refused(
      box()
        .container((config) => (config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "900" }))
        .run(),
      /\/linux\/memoryPolicy: set_mempolicy\(2\) MPOL_BIND nodes 900: invalid argument/,
    );
  });

  itOurs("with nodes where there can be none is refused", () => {
    refused(
      box()
        .container((config) => (config.linux["memoryPolicy"] = { mode: "MPOL_DEFAULT", nodes: "0-7" }))
        .run(),
      /requires 0 nodes but got 8/,
    );
  });

  itOurs(
    "of an unknown mode, without one, with an unknown flag or with nodes that are none is refused in runc's words",
    () => {
      const refusal = (memoryPolicy: object, words: RegExp): void =>
        refused(
          box()
            .container((config) => (config.linux["memoryPolicy"] = memoryPolicy))
            .run(),
          words,
        );
      refusal({}, /\/linux\/memoryPolicy\/mode: invalid memory policy mode "": is required/);
      refusal(
        { mode: "MPOL_NONE" },
        /\/linux\/memoryPolicy\/mode: invalid memory policy mode "MPOL_NONE": must be one of/,
      );
      refusal(
        { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NONE"] },
        /\/linux\/memoryPolicy\/flags\/0: invalid memory policy flag "MPOL_F_NONE": must be one of/,
      );
      refusal(
        { mode: "MPOL_BIND", nodes: "9876543210" },
        /\/linux\/memoryPolicy\/nodes: invalid memory policy nodes "9876543210"/,
      );
      refusal({ mode: "MPOL_BIND" }, /memory policy mode requires at least one node but got 0/);
    },
  );
});

describe("the processors of a container", () => {
  const box = useBox();
  const allowed = (status: string): string | undefined => fields(status)["Cpus_allowed_list"];

  /** The container's processors when its runtime was confined to the first one. */
  function confined(container: Container): string | undefined {
    return allowed(
      ok(
        box().exec("/usr/bin/taskset", [
          "-c",
          "0",
          PROGRAM,
          "--root",
          box().stateRoot,
          "run",
          "-b",
          container.bundle,
          container.id,
        ]),
      ).stdout,
    );
  }

  itOurs("are not those that its runtime was confined to", function () {
    assert.equal(
      confined(box().container((config) => (config.process.args = ["cat", "/proc/self/status"]))),
      allowed(readFileSync("/proc/self/status", "utf8")),
    );
  });

  itWithCpuset("are those of its cpuset", () => {
    const last = (allowed(readFileSync("/proc/self/status", "utf8")) ?? "").split(/[-,]/).at(-1) ?? "0";
    assert.equal(
      confined(
        box().container((config) => {
          config.process.args = ["cat", "/proc/self/status"];
          config.linux.resources = { cpu: { cpus: last, mems: "0" } };
        }),
      ),
      last,
    );
  });

  it("are not changed by execCPUAffinity, which is for exec", () => {
    const script = "grep Cpus_allowed_list /proc/self/status";
    assert.equal(
      box().inside(script, (config) => (config.process["execCPUAffinity"] = { initial: "0", final: "0" })),
      box().inside(script),
    );
  });
});

describe("a process that joins a container", () => {
  const box = useBox();
  const SHOW = [
    "sh",
    "-c",
    "uname -m; echo $(head -n 1 /proc/self/numa_maps 2>/dev/null | cut -d ' ' -f 2); cut -d ' ' -f 19,41 /proc/self/stat; grep Cpus_allowed_list /proc/self/status",
  ];

  function running(change: (config: Config) => void): Container {
    const container = box().container((config) => {
      config.process.args = ["sleep", "100"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  }

  const exec = (container: Container, ...args: string[]): string[] =>
    ok(box().runtime(["exec", ...args, container.id, ...SHOW]))
      .stdout.trim()
      .split("\n");

  itOurs("is treated as the container's own", () => {
    const container = running((config) => {
      config.linux["personality"] = { domain: "LINUX32" };
      if (hasMemoryPolicy) config.linux["memoryPolicy"] = { mode: "MPOL_INTERLEAVE", nodes: "0" };
      config.process["scheduler"] = { policy: "SCHED_BATCH", nice: 3 };
      config.process["ioPriority"] = { class: "IOPRIO_CLASS_BE", priority: 2 };
    });
    const [machineName, policy, scheduler] = exec(container);
    assert.equal(machineName !== machine(), has32Bits);
    assert.deepEqual([policy, scheduler], [hasMemoryPolicy ? "interleave:0" : "", "3 3"]);
    ok(container.delete("--force"));
  });

  itOurs("with a document of its own is treated as that says", () => {
    const container = running((config) => (config.process["scheduler"] = { policy: "SCHED_BATCH", nice: 3 }));
    const file = box().write(
      "process.json",
      JSON.stringify({
        args: SHOW,
        cwd: "/",
        env: ["PATH=/bin:/usr/bin"],
        scheduler: { policy: "SCHED_OTHER", nice: 5 },
      }),
    );
    assert.equal(
      ok(box().runtime(["exec", "--process", file, container.id]))
        .stdout.trim()
        .split("\n")[2],
      "5 0",
    );
    ok(container.delete("--force"));
  });

  itOurs("runs on the processors of execCPUAffinity, and without it on all", () => {
    const all = fields(readFileSync("/proc/self/status", "utf8"))["Cpus_allowed_list"] ?? "";
    const cpus = (container: Container): string | undefined =>
      fields(
        ok(
          box().exec("/usr/bin/taskset", [
            "-c",
            "0",
            PROGRAM,
            "--root",
            box().stateRoot,
            "exec",
            container.id,
            ...SHOW,
          ]),
        ).stdout,
      )["Cpus_allowed_list"];
    for (const [execCPUAffinity, expected] of [
      [undefined, all],
      [{ final: all.split(/[-,]/).at(-1) }, all.split(/[-,]/).at(-1)],
      [{ initial: "0" }, "0"],
      [{ initial: "0", final: all }, all],
    ] as const) {
      const container = running(
        (config) => void (execCPUAffinity && (config.process["execCPUAffinity"] = execCPUAffinity)),
      );
      assert.equal(cpus(container), expected);
      ok(container.delete("--force"));
    }
  });
});

describe("the processors of a process that joins a container", function () {
  if (!isTsrun) return;
  const program = resolve(dirname(PROGRAM), "room-test");
  before(() => assert(existsSync(program), `${program} is missing: make systest builds it`));
  const cpus = (/Cpus_allowed_list:\s*(.*)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [])[1] ?? "0";
  const last = cpus.split(/[-,]/).at(-1) ?? "0";

  function affinity(execCPUAffinity: object | undefined): readonly string[] {
    const config = defaultConfig();
    if (execCPUAffinity !== undefined) config.process["execCPUAffinity"] = execCPUAffinity;
    const { status, stdout } = spawnSync("taskset", ["-c", "0", program, "affinity", JSON.stringify(config)], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    return stdout.trim().split("\n");
  }

  it("are first the initial ones, then the final ones", () => {
    assert.deepEqual(affinity({ initial: last, final: "0" }), [last, "0"]);
    assert.deepEqual(affinity({ final: last }), ["0", last]);
  });

  it("stay the initial ones when there are no final ones", () =>
    assert.deepEqual(affinity({ initial: last }), [last, last]));

  it("are all that there are when nothing is said", () => assert.deepEqual(affinity(undefined), ["0", cpus]));
});
