import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import {
  eventually,
  isTsrun,
  itOurs,
  itWithTimeNamespaces,
  refused,
  shareNamespace,
  useBox,
  type Box,
} from "./harness.ts";

const own = (type: string): string => readlinkSync(`/proc/self/ns/${type}`);

describe("namespaces", () => {
  const box = useBox();

  for (const [type, file] of [
    ["pid", "pid"],
    ["network", "net"],
    ["mount", "mnt"],
    ["ipc", "ipc"],
    ["uts", "uts"],
    ["cgroup", "cgroup"],
    ["time", "time"],
  ] as const) {
    (type === "time" ? itOurs : it)(`a new ${type} namespace is not the host's`, () => {
      const inside = box().inside(`readlink /proc/self/ns/${file}`, (config) => {
        if (!config.linux.namespaces.some((namespace) => namespace.type === type))
          config.linux.namespaces.push({ type });
      });
      assert.match(inside, new RegExp(`^${file}:\\[\\d+\\]\n$`));
      assert.notEqual(inside.trim(), own(file));
    });

    if (type === "cgroup" || type === "time") {
      it(`without a ${type} namespace in config.json the container shares the host's`, () => {
        assert.equal(box().inside(`readlink /proc/self/ns/${file}`).trim(), own(file));
      });
    }
  }

  it("without pid, network, ipc and uts namespaces the container shares the host's", () => {
    const inside = box().inside("for n in pid net ipc uts; do readlink /proc/self/ns/$n; done", (config) => {
      delete config.hostname;
      for (const type of ["pid", "network", "ipc", "uts"]) shareNamespace(config, type);
      config.mounts = config.mounts
        .map((mount) =>
          mount.destination === "/sys"
            ? { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"] }
            : mount,
        )
        .filter(({ type }) => type !== "cgroup" && type !== "mqueue");
    });
    assert.deepEqual(inside.trim().split("\n"), ["pid", "net", "ipc", "uts"].map(own));
  });

  it("the process is pid 1 of its pid namespace and sees no others", () => {
    assert.equal(box().inside("echo $$; set -- /proc/[0-9]*; echo $#"), "1\n1\n");
  });

  it("the loopback link of a new network namespace is up", () => {
    const inside = box().inside(
      "cat /sys/class/net/lo/flags; ls /sys/class/net; ping -c 1 -W 1 127.0.0.1",
      (config) => {
        config.process.capabilities = {
          bounding: ["CAP_NET_RAW"],
          effective: ["CAP_NET_RAW"],
          permitted: ["CAP_NET_RAW"],
          inheritable: [],
          ambient: [],
        };
      },
    );
    assert.match(inside, /^0x9\nlo\n[^]*1 packets received/); // IFF_UP | IFF_LOOPBACK
  });

  it("hostname and domainname are set in the container and not on the host", () => {
    const inside = box().inside("hostname; cat /proc/sys/kernel/domainname", (config) => {
      config.hostname = "näme"; // more bytes than characters
      if (isTsrun) config.domainname = "domain.example";
    });
    assert.equal(inside, `näme\n${isTsrun ? "domain.example" : "(none)"}\n`);
  });

  it("the container's cgroup is the root of a new cgroup namespace", () => {
    const inside = box().inside(
      "cat /proc/self/cgroup",
      (config) => void config.linux.namespaces.push({ type: "cgroup" }),
    );
    for (const line of inside.trim().split("\n")) assert.match(line, /:\/$/, inside);
  });

  itWithTimeNamespaces("time offsets move the clocks of a time namespace, down to the nanosecond field", () => {
    const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    const inside = box().inside("cat /proc/uptime /proc/self/timens_offsets", (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs: 7200, nanosecs: 5 }, monotonic: { secs: -3, nanosecs: 7 } };
    });
    const [first, ...offsets] = inside.trim().split("\n");
    assert(Math.abs(Number(first?.split(" ")[0]) - uptime - 7200) < 10, `${first} against ${uptime}`);
    assert.deepEqual(
      offsets.map((line) => line.split(/\s+/).join(" ")),
      ["monotonic -3 7", "boottime 7200 5"],
    );
  });

  if (isTsrun && !existsSync("/proc/self/ns/time")) {
    it("a time namespace on a kernel without them is an error that says so", () => {
      refused(
        box()
          .container((config) => void config.linux.namespaces.push({ type: "time" }))
          .run(),
        /this kernel has not every namespace that \/linux\/namespaces asks for/,
      );
    });
  }

  describe("joined by path", () => {
    /** A process that keeps new namespaces of every kind. */
    function holder(flags: readonly string[]): { readonly child: ChildProcess; readonly pid: number } {
      const child = spawn("unshare", [...flags, "sleep", "60"], { stdio: "ignore" });
      const pid = child.pid ?? 0;
      eventually("unshare has become sleep", () => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep"));
      return { child, pid };
    }

    /** Ends it and waits, or it would be a zombie of ours. */
    function release(child: ChildProcess): Promise<unknown> {
      const end = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      return end;
    }

    async function joins(
      box: Box,
      flags: readonly string[],
      types: readonly (readonly [string, string])[],
      change: (config: Config) => void = () => undefined,
    ): Promise<void> {
      const held = holder(flags);
      try {
        const inside = box.inside(types.map(([, file]) => `readlink /proc/self/ns/${file}`).join("; "), (config) => {
          for (const [type, file] of types) {
            shareNamespace(config, type);
            config.linux.namespaces.push({ type, path: `/proc/${held.pid}/ns/${file}` });
          }
          change(config);
        });
        assert.deepEqual(
          inside.trim().split("\n"),
          types.map(([, file]) => readlinkSync(`/proc/${held.pid}/ns/${file}`)),
        );
      } finally {
        await release(held.child);
      }
    }

    it("network, ipc and uts namespaces are those of the path", async () => {
      await joins(
        box(),
        ["--net", "--ipc", "--uts"],
        [
          ["network", "net"],
          ["ipc", "ipc"],
          ["uts", "uts"],
        ],
      );
    });

    it("a joined uts namespace is given the hostname", async () => {
      const held = holder(["--uts"]);
      try {
        box().inside("true", (config) => {
          shareNamespace(config, "uts");
          config.linux.namespaces.push({ type: "uts", path: `/proc/${held.pid}/ns/uts` });
          config.hostname = "joined";
        });
        assert.equal(
          box().exec("/usr/bin/nsenter", ["-t", String(held.pid), "--uts", "hostname"], {
            env: { PATH: "/bin:/usr/bin" },
          }).stdout,
          "joined\n",
        );
      } finally {
        await release(held.child);
      }
    });

    itOurs("a cgroup namespace is that of the path", async () => {
      await joins(box(), ["--cgroup"], [["cgroup", "cgroup"]]);
    });

    itWithTimeNamespaces("a time namespace is that of the path", async () => {
      const child = spawn("unshare", ["--time", "--fork", "--kill-child", "sleep", "60"], { stdio: "ignore" });
      const pid = child.pid ?? 0;
      try {
        eventually("unshare has forked", () => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8") !== "");
        const path = `/proc/${readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()}/ns/time`;
        assert.equal(
          box()
            .inside(
              "readlink /proc/self/ns/time",
              (config) => void config.linux.namespaces.push({ type: "time", path }),
            )
            .trim(),
          readlinkSync(path),
        );
      } finally {
        await release(child);
      }
    });

    it("a pid namespace is that of another container, which ends with it", () => {
      const first = box().container((config) => (config.process.args = ["sleep", "60"]));
      assert.equal(first.run(["--detach"]).status, 0);
      const { pid } = first.state();
      const inside = box().inside("readlink /proc/self/ns/pid; echo $$; cat /proc/1/comm", (config) => {
        shareNamespace(config, "pid");
        config.linux.namespaces.push({ type: "pid", path: `/proc/${pid}/ns/pid` });
      });
      const [link, mine, one] = inside.trim().split("\n");
      assert.equal(link, readlinkSync(`/proc/${pid}/ns/pid`));
      assert(Number(mine) > 1);
      assert.equal(one, "sleep");
      assert.equal(first.delete("--force").status, 0);
    });

    it("create fails when the path is of another type, and leaves nothing", () => {
      const container = box().container((config) => {
        shareNamespace(config, "network");
        config.linux.namespaces.push({ type: "network", path: "/proc/self/ns/uts" });
      });
      refused(
        container.run(),
        isTsrun
          ? /join network namespace: \/linux\/namespaces\/4: \/proc\/self\/ns\/uts is not a network namespace but a uts one/
          : /./,
      );
    });

    it("create fails when the path does not exist, and leaves nothing", () => {
      const container = box().container((config) => {
        shareNamespace(config, "ipc");
        config.linux.namespaces.push({ type: "ipc", path: "/nonexistent/ipc" });
      });
      refused(container.run(), /\/nonexistent\/ipc.*no such file or directory/);
    });
  });
});
