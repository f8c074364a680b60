// linux.netDevices: links of the host that move into the container. The links are veth pairs of the test's own; the other end stays.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, it } from "mocha";
import { isTsrun, ok, refused, useBox } from "./harness.ts";
import type { Config } from "./bundle.ts";

const ip = (...args: readonly string[]): string => execFileSync("ip", args, { encoding: "utf8" });

let tests = 0;

/** A name that fits (15 bytes) and is this run's own. */
const unique = (letter: string): string => `t${letter}${process.pid % 100000}x${tests}`;

describe("linux.netDevices", function () {
  if (!isTsrun) return; // the runc at hand is older than the property
  const box = useBox();
  let device = "";
  let peer = "";
  let namespace = "";

  beforeEach(() => {
    tests++;
    [device, peer, namespace] = [unique("a"), unique("b"), unique("n")];
    ip("link", "add", device, "type", "veth", "peer", "name", peer);
  });

  afterEach(() => {
    spawnSync("ip", ["link", "del", peer]);
    spawnSync("ip", ["netns", "del", namespace]);
  });

  const gives =
    (name?: string) =>
    (config: Config): void =>
      void (config.linux["netDevices"] = { [device]: name === undefined ? {} : { name } });

  /** A namespace that outlives the container. */
  function joinsNamespace(config: Config): void {
    ip("netns", "add", namespace);
    config.linux.namespaces = config.linux.namespaces.map((entry) =>
      entry.type === "network" ? { ...entry, path: `/run/netns/${namespace}` } : entry,
    );
  }

  /** Taken away within the test, which ends by looking at what is left on the host. */
  const endNamespace = (): void => void ip("netns", "del", namespace);

  const inNamespace = (...args: readonly string[]): string => ip("-n", namespace, ...args);

  const onHost = (): boolean => spawnSync("ip", ["link", "show", device]).status === 0;

  it("moves a device into a new namespace and brings it up", () => {
    assert.match(box().inside(`ip link show ${device}`, gives()), new RegExp(`${device}@.*<(?=.*\\bUP\\b)`));
  });

  it("keeps MTU, hardware address and permanent addresses of global scope, of both families", () => {
    ip("link", "set", device, "mtu", "1789", "address", "02:11:22:33:44:55");
    for (const address of ["169.254.169.77/32", "10.9.8.7/24", "10.9.8.6/24", "2001:db8:7::1/64"])
      ip("address", "add", address, "dev", device);
    ip("address", "add", "127.0.0.33/8", "dev", device, "scope", "host");
    ip("address", "add", "10.9.9.9/24", "dev", device, "valid_lft", "600", "preferred_lft", "600");
    const shown = box().inside(`ip address show ${device}`, gives());
    assert.match(shown, /mtu 1789 /);
    assert.match(shown, /02:11:22:33:44:55/);
    assert.deepEqual([...shown.matchAll(/inet6? (\S+).*scope global/g)].map(([, address]) => address).sort(), [
      "10.9.8.6/24",
      "10.9.8.7/24",
      "169.254.169.77/32",
      "2001:db8:7::1/64",
    ]);
    assert.doesNotMatch(shown, /127\.0\.0\.33|10\.9\.9\.9/);
  });

  it("keeps IPv6 addresses of a device that was up", () => {
    ip("address", "add", "2001:db8:8::1/64", "dev", device, "nodad");
    ip("link", "set", device, "up");
    assert.match(box().inside(`ip address show ${device}`, gives()), /2001:db8:8::1\/64/);
  });

  it("renames on the way, labels of addresses too", () => {
    ip("address", "add", "10.9.8.7/24", "dev", device, "label", `${device}:1`);
    assert.match(box().inside("ip address show inside0", gives("inside0")), /inside0:1$/m);
  });

  it("lets the kernel find a number for a name with %d", () => {
    assert.match(box().inside("ip link", gives("net%d")), /: net0@/);
    assert.equal(onHost(), false);
  });

  it("moves into a namespace that the container joins, where it stays", () => {
    ip("address", "add", "10.9.8.7/24", "dev", device);
    const change = (config: Config): void => (joinsNamespace(config), gives("inside0")(config));
    assert.match(box().inside("ip address show inside0", change), /10\.9\.8\.7\/24/);
    assert.match(inNamespace("address", "show", "dev", "inside0"), /10\.9\.8\.7\/24/);
    endNamespace();
  });

  it("moves several", () => {
    const script = `ip -o link | grep -c '${device}\\|inside1'`;
    assert.equal(
      box()
        .inside(script, (config) => (config.linux["netDevices"] = { [device]: {}, [peer]: { name: "inside1" } }))
        .trim(),
      "2",
    );
  });

  it("is done before the hooks of the runtime", () => {
    const hook = box().write("hook", `#!/bin/sh\nip link show ${device} >${box().path("seen")} 2>&1\ntrue\n`, 0o755);
    box().inside(
      "true",
      (config) => (
        gives()(config),
        (config.hooks = { prestart: [{ path: hook, env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }] })
      ),
    );
    assert.match(box().exec("/bin/cat", [box().path("seen")]).stdout, /does not exist/);
  });

  it("a device that does not exist is an error that names it", () => {
    refused(
      box()
        .container((config) => (config.linux["netDevices"] = { nosuch0: {} }))
        .run(),
      /move network device nosuch0: \/linux\/netDevices\/nosuch0: RTM_GETLINK\(2\) nosuch0: no such device/,
    );
  });

  it("a name that is taken in the container is an error, and the device stays on the host as it was", () => {
    ip("address", "add", "10.9.8.7/24", "dev", device);
    ip("link", "set", device, "up");
    const taken = (config: Config): void => (
      joinsNamespace(config),
      inNamespace("link", "add", "taken0", "type", "veth", "peer", "name", "taken1"),
      gives("taken0")(config)
    );
    refused(box().container(taken).run(), /RTM_NEWLINK.*file exists/);
    assert.match(ip("address", "show", device), /<(?=.*\bUP\b)[\s\S]*10\.9\.8\.7\/24/);
    endNamespace();
  });

  it("a failure later on brings the devices back, with name, addresses and state", () => {
    ip("address", "add", "10.9.8.7/24", "dev", device);
    ip("address", "add", "2001:db8:9::1/64", "dev", device, "nodad");
    ip("link", "set", device, "up");
    refused(
      box()
        .container((config) => (gives("inside0")(config), (config.hooks = { createRuntime: [{ path: "/bin/false" }] })))
        .run(),
      /createRuntime/,
    );
    const shown = ip("address", "show", device);
    assert.match(shown, /<(?=.*\bUP\b)/);
    assert.match(shown, /10\.9\.8\.7\/24[\s\S]*2001:db8:9::1\/64/);
    refused(
      box()
        .container((config) => (config.linux["netDevices"] = { [device]: { name: "inside0" }, nosuch0: {} }))
        .run(),
      /no such device/,
    );
    assert.equal(onHost(), true);
  });

  it("is refused in the host's network namespace, and for names that no device can have", () => {
    refused(
      box()
        .container(
          (config) => (
            gives()(config),
            (config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network"))
          ),
        )
        .run(),
      /without a NET namespace/,
    );
    for (const name of ["a/b", "a:b", "a b", "sixteen-bytes-16", "..", "."])
      refused(box().container(gives(name)).run(), /invalid network device name/);
    assert.equal(onHost(), true);
  });

  it("delete moves nothing back: what was in a new namespace is gone with it", () => {
    const container = box().container((config) => (gives()(config), (config.process.args = ["sleep", "100"])));
    ok(container.create());
    ok(container.start());
    assert.equal(onHost(), false);
    const { stdout } = ok(
      box().exec("/usr/bin/nsenter", ["-t", String(container.state().pid), "-n", "ip", "link", "show", device], {
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      }),
    );
    assert.match(stdout, /<(?=.*\bUP\b)/);
    ok(container.delete("--force"));
    assert.equal(onHost(), false);
  });
});
