import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { hasController, itWith, onV2 } from "./groups.ts";
import { ended, eventually, isTsrun, ok, refused, RUNC, soon, useBox, type Container } from "./harness.ts";

type Event = { readonly type: string; readonly id: string; readonly data?: Stats };
/** What go-runc decodes (events.go). */
type Stats = {
  readonly cpu: {
    readonly usage?: {
      readonly total?: number;
      readonly percpu?: number[];
      readonly kernel: number;
      readonly user: number;
    };
    readonly throttling?: object;
    readonly psi?: Pressure;
  };
  readonly cpuset: { readonly cpus?: number[] };
  readonly memory: {
    readonly usage?: { readonly limit: number; readonly usage: number; readonly failcnt: number };
    readonly swap?: { readonly limit: number };
    readonly raw?: { readonly [name: string]: number };
    readonly psi?: Pressure;
  };
  readonly pids: { readonly current?: number; readonly limit?: number };
  readonly blkio: {
    readonly ioServiceBytesRecursive?: { readonly major: number; readonly op: string; readonly value: number }[];
    readonly psi?: Pressure;
  };
  readonly hugetlb: { readonly [size: string]: { readonly failcnt: number } };
  readonly intel_rdt: object;
  readonly network_interfaces: unknown;
};
type Pressure = { readonly some?: { readonly avg10: number; readonly total: number }; readonly full?: object };

describe("events", () => {
  const box = useBox();

  const started = (change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  const statsOf = (container: Container): Stats => {
    const { stdout } = ok(box().runtime(["events", "--stats", container.id]));
    assert(stdout.endsWith("}\n") && stdout.split("\n").length === 2, "one line");
    assert(stdout.startsWith(`{"type":"stats","id":"${container.id}","data":{`), stdout);
    return (JSON.parse(stdout) as Required<Event>).data;
  };

  /** Follows the stream; `lines` fills as it speaks. */
  const follow = (
    container: Container,
    ...flags: string[]
  ): {
    readonly child: ChildProcess;
    readonly events: Event[];
    readonly end: Promise<{ readonly status: number | null; readonly stderr: string }>;
  } => {
    const child = box().spawn(["events", ...flags, container.id]);
    const events: Event[] = [];
    let rest = "";
    child.stdout?.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop() ?? "";
      events.push(...lines.map((line) => JSON.parse(line) as Event));
    });
    return { child, events, end: ended(child) };
  };

  it("--stats prints one object with all that go-runc decodes", () => {
    const container = started(
      (config) => (config.process.args = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 60"]),
    );
    eventually("it has computed", () => (statsOf(container).cpu.usage?.total ?? 0) > 1e6);
    const stats = statsOf(container);
    assert.deepEqual(Object.keys(stats), [
      "cpu",
      "cpuset",
      "memory",
      "pids",
      "blkio",
      "hugetlb",
      "intel_rdt",
      "network_interfaces",
    ]);
    assert((stats.cpu.usage?.kernel ?? -1) >= 0 && (stats.cpu.usage?.user ?? -1) >= 0);
    if (hasController("pids")) assert(Number(stats.pids.current) >= 1);
    if (hasController("memory")) {
      assert((stats.memory.usage?.usage ?? 0) > 0, "memory in use");
      assert(Object.keys(stats.memory.raw ?? {}).length > 10, "memory.stat");
    }
    if (!onV2() && hasController("cpuset")) assert((stats.cpuset.cpus?.length ?? 0) > 0);
    ok(container.delete("--force"));
  });

  const comparable = isTsrun && existsSync(RUNC) && !onV2(); // Debian's runc knows nothing of PSI, and of v2 less than today's
  (comparable ? it : it.skip)(
    `--stats has the keys that runc's has${comparable ? "" : " (needs runc beside, on v1)"}`,
    () => {
      const container = started();
      const keys = (value: unknown): string[] =>
        typeof value !== "object" || value === null || Array.isArray(value)
          ? [""]
          : Object.entries(value).flatMap(([name, inner]) => keys(inner).map((path) => `/${name}${path}`));
      const ours = keys(statsOf(container));
      ok(container.delete("--force"));
      ok(box().runtime(["run", "--detach", "--bundle", container.bundle, container.id], { program: RUNC }));
      const theirs = JSON.parse(
        ok(box().runtime(["events", "--stats", container.id], { program: RUNC })).stdout,
      ) as Required<Event>;
      ok(box().runtime(["delete", "--force", container.id], { program: RUNC }));
      // What is 0 is left out by both, but need not be 0 in both.
      const chance = /^\/(blkio|cpu\/throttling|memory\/cache)/;
      assert.deepEqual(
        ours.filter((key) => !chance.test(key)).sort(),
        keys(theirs.data)
          .filter((key) => !chance.test(key))
          .sort(),
      );
    },
  );

  itWith("--stats shows the limits", ["memory", "pids"], () => {
    const container = started(
      (config) =>
        (config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * 2 ** 20 }, pids: { limit: 77 } }),
    );
    const { memory, pids } = statsOf(container);
    assert.equal(memory.usage?.limit, 64 * 2 ** 20);
    assert.equal(pids.limit, 77);
    ok(container.delete("--force"));
  });

  itWith("--stats shows throttling", ["cpu"], () => {
    const container = started((config) => {
      config.process.args = ["sh", "-c", "while :; do :; done"];
      config.linux.resources = { ...config.linux.resources, cpu: { quota: 10_000, period: 100_000 } }; // with less it takes long to end, too
    });
    eventually(
      "it has been throttled",
      () =>
        Number(
          (statsOf(container).cpu.throttling as { throttledPeriods?: number } | undefined)?.throttledPeriods ?? 0,
        ) > 0,
      20_000,
    );
    ok(container.delete("--force"));
  });

  const measured = onV2() && existsSync("/proc/pressure/cpu");
  (measured ? it : it.skip)(
    `--stats shows pressure${measured ? "" : " (this host measures none in cgroups: only v2 does)"}`,
    () => {
      const container = started(
        (config) => (config.process.args = ["sh", "-c", "while :; do :; done & while :; do :; done"]),
      );
      eventually("processors were short", () => (statsOf(container).cpu.psi?.some?.total ?? 0) > 0, 20_000);
      ok(container.delete("--force"));
    },
  );

  it("--stats shows a created and a paused container, and refuses one that has stopped or does not exist", () => {
    const container = box().container();
    ok(container.create());
    statsOf(container);
    ok(box().runtime(["pause", container.id]));
    statsOf(container);
    ok(box().runtime(["resume", container.id]));
    ok(container.start());
    container.waitFor("stopped");
    refused(
      box().runtime(["events", "--stats", container.id]),
      new RegExp(`container with id ${container.id} is not running`),
    );
    refused(box().runtime(["events", container.id]), new RegExp(`container with id ${container.id} is not running`));
    ok(container.delete());
    refused(box().runtime(["events", "--stats", container.id]), /container does not exist/);
  });

  for (const interval of ["100ms", "0.1s", "1s"]) {
    it(`--interval ${interval} goes on printing statistics, and ends with the container (runc events.bats)`, async () => {
      const container = started();
      const { events, end } = follow(container, "--interval", interval);
      await soon("two events", () => events.length >= 2, 15_000);
      assert(events.every(({ type, id, data }) => type === "stats" && id === container.id && data !== undefined));
      ok(container.delete("--force"));
      assert.deepEqual((await end).status, 0);
    });
  }

  it("an interval of nothing, less or no sense is refused", () => {
    const container = started();
    for (const interval of ["0s", "0", "-1s"])
      refused(
        box().runtime(["events", "--interval", interval, container.id]),
        /duration interval must be greater than 0/,
      );
    for (const interval of ["x", "1", "1 s", "s", ""])
      refused(
        box().runtime(["events", "--interval", interval, container.id]),
        /invalid value ".*" for option --interval: must be/,
      );
    ok(container.delete("--force"));
  });

  itWith("tells when the kernel killed for want of memory, without data (runc events.bats)", ["memory"], async () => {
    const swap =
      onV2() || existsSync("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") ? { swap: 32 * 2 ** 20 } : {};
    const container = started(
      (config) => (config.linux.resources = { ...config.linux.resources, memory: { limit: 32 * 2 ** 20, ...swap } }),
    );
    const { events, end } = follow(container, "--interval", "200ms");
    await soon("it listens", () => events.length > 0, 15_000);
    ok(box().runtime(["exec", "--detach", container.id, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]));
    await soon("an oom event", () => events.some(({ type }) => type === "oom"), 20_000);
    assert.deepEqual(
      events.find(({ type }) => type === "oom"),
      { type: "oom", id: container.id },
    );
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
    assert.equal((await end).status, 0);
  });

  it("ends when whoever reads is gone, and leaves the container alone", async () => {
    const container = started();
    const { child, events, end } = follow(container, "--interval", "100ms");
    await soon("an event", () => events.length > 0, 15_000);
    child.stdout?.destroy();
    await end;
    assert.equal(container.state().status, "running");
    assert(statSync(container.bundle).isDirectory());
    ok(container.delete("--force"));
  });
});
