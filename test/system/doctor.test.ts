import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import { isTsrun, ok, PROGRAM, useBox, type Box, type Result } from "./harness.ts";

type Check = {
  readonly topic: string;
  readonly what: string;
  readonly can: "yes" | "limited" | "no";
  readonly needed: boolean;
  readonly detail?: string;
  readonly change?: string;
};
type Examined = {
  readonly user: number;
  readonly kernel: string;
  readonly runs: boolean;
  readonly checks: readonly Check[];
};

describe("doctor", () => {
  const box = useBox();
  if (!isTsrun) return; // nobody else has it

  const examined = ({ stdout }: Result): Examined => JSON.parse(stdout) as Examined;
  const named = ({ checks }: Examined, what: string): Check => {
    const found = checks.find((check) => check.what === what);
    assert(found !== undefined, what);
    return found;
  };
  const doctor = (own: Box, wrapper: readonly string[], ...flags: string[]): Result =>
    own.exec(wrapper[0] ?? "", [...wrapper.slice(1), PROGRAM, "--root", own.stateRoot, "doctor", ...flags]);

  it("says that root can run containers here, and of all that it looks for whether it is there", () => {
    const result = ok(box().runtime(["doctor", "--json"]));
    const { user, kernel, runs, checks } = examined(result);
    assert.deepEqual([user, runs], [0, true]);
    assert.match(kernel, /^\d+\.\d+/);
    for (const type of ["user", "mount", "pid", "network", "ipc", "uts", "cgroup"])
      assert.equal(named({ user, kernel, runs, checks }, `new ${type} namespaces`).can, "yes");
    assert.deepEqual(
      [...new Set(checks.map(({ topic }) => topic))],
      ["kernel", "user", "namespaces", "ids", "cgroups", "file systems", "security"],
    );
  });

  it("has for each no what would change it", () => {
    for (const wrapper of [
      ["env"],
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
      ["unshare", "--user", "--map-root-user"],
    ]) {
      for (const { what, can, change } of examined(doctor(box(), wrapper, "--json")).checks)
        if (can !== "yes") assert.notEqual(change, undefined, what);
    }
  });

  it("tells a user nothing to do that only root would profit from, and sees what keeps the helpers from their rights", () => {
    const found = examined(
      doctor(
        box(),
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-setuid", "--inh-caps=-setuid"],
        "--json",
      ),
    );
    for (const { what, can, change } of found.checks)
      if (can === "no" && /^limits of/.test(what)) assert.doesNotMatch(change ?? "", /^(mkdir|mount|write) /, what);
    assert.deepEqual(
      [named(found, "newuidmap").can, named(found, "newuidmap").change, named(found, "newgidmap").can],
      ["no", "start tsrun with CAP_SETUID in its bounding set", "yes"],
    );
  });

  it("sees whether a user has a systemd of the user's own, where systemd runs", () => {
    const script = 'mkdir -p /run/systemd/system && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"';
    const systemd = (...env: string[]): Check =>
      named(
        examined(
          doctor(
            box(),
            [
              "unshare",
              "--mount",
              "--propagation",
              "private",
              "sh",
              "-c",
              `mount -t tmpfs tmpfs /run && ${script}`,
              "env",
              ...env,
            ],
            "--json",
          ),
        ),
        "cgroups made by systemd (--systemd-cgroup)",
      );
    assert.deepEqual([systemd().can, systemd("DBUS_SESSION_BUS_ADDRESS=unix:path=/somewhere").can], ["no", "yes"]);
    assert.match(systemd().change ?? "", /XDG_RUNTIME_DIR=\/run\/user\/65534$/);
  });

  it("is text for people: a line for each, by topic, and at the end the answer", () => {
    const { stdout } = ok(box().runtime(["doctor"]));
    assert.match(stdout, /^Linux \S+, as root\n\nkernel\n {2}yes {6}Linux 5\.4 or newer\n {2}yes {6}clone3\n/);
    assert.match(stdout, /\nContainers can be run here\.\n$/);
  });

  it("sees a sysctl that forbids namespaces, and names it", () => {
    const script = 'echo 0 > /proc/sys/user/max_uts_namespaces && exec "$0" "$@"';
    const { can, detail, change } = named(
      examined(doctor(box(), ["unshare", "--user", "--map-root-user", "sh", "-c", script], "--json")),
      "new uts namespaces",
    );
    assert.deepEqual(
      [can, detail, change],
      ["no", "/proc/sys/user/max_uts_namespaces is 0", "sysctl user.max_uts_namespaces=15000"],
    );
  });

  it("fails where a user without rights may make no user namespace, and says which sysctl it is", () => {
    const script =
      'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$0" "$@"';
    const { status, stdout } = doctor(box(), ["unshare", "--user", "--map-root-user", "sh", "-c", script], "--json");
    assert.equal(status, 1);
    const found = examined({ status, stdout, signal: null, stderr: "" });
    assert.equal(found.runs, false);
    assert.equal(named(found, "new user namespaces").change, "sysctl user.max_user_namespaces=15000");
    assert.match(named(found, "root's capabilities").detail ?? "", /CAP_SYS_ADMIN/);
  });

  it("sees which ids a user has been given", () => {
    const subuid = box().write("subuid", "nobody:200000:1000\n65534:300000:24\nother:1:1\n");
    const script = `mount --bind ${subuid} /etc/subuid && mount --bind ${box().write("subgid", "")} /etc/subgid && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"`;
    const found = examined(
      doctor(box(), ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], "--json"),
    );
    assert.deepEqual(
      [named(found, "user ids beside our own").can, named(found, "user ids beside our own").detail],
      ["limited", "1024 in /etc/subuid"],
    );
    const groups = named(found, "group ids beside our own");
    assert.deepEqual(
      [groups.can, groups.detail, groups.change],
      ["no", "0 in /etc/subgid", "usermod --add-subgids 100000-165535 nobody"],
    );
  });

  it("sees calls that a filter of the engine around us takes away", () => {
    const container = box().container((config) => {
      config.root.readonly = false;
      config.process.args = ["/tsrun", "--root", "/tmp/state", "doctor", "--json"];
      for (const path of ["/lib", "/lib64", "/usr/lib"])
        config.mounts.push({ destination: path, source: path, options: ["rbind", "ro"] });
      config.mounts.push({ destination: "/tsrun", source: PROGRAM, options: ["bind", "ro"] });
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mount_setattr", "fsopen"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
      };
    });
    writeFileSync(container.at("tsrun"), "");
    const { status, stdout, stderr } = container.run();
    assert.equal(status, 1, stderr);
    const found = examined({ status, stdout, stderr, signal: null });
    assert.deepEqual(
      [
        named(found, "fsopen").can,
        named(found, "fsopen").needed,
        named(found, "mount_setattr").can,
        named(found, "openat2").can,
      ],
      ["no", true, "no", "yes"],
    );
    assert.match(named(found, "fsopen").change ?? "", /seccomp profile/);
  });
});
