import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decodeSpec } from "./decode.ts";
import { full } from "./full.fixture.ts";

const least = { ociVersion: "1.0.0", root: { path: "rootfs" } };

describe("decodeSpec", () => {
  it("fills every default", () => {
    assert.deepEqual(decodeSpec(least), {
      ociVersion: "1.0.0",
      process: undefined,
      root: { path: "rootfs", readonly: false },
      mounts: [],
      hostname: undefined,
      domainname: undefined,
      hooks: { prestart: [], createRuntime: [], createContainer: [], startContainer: [], poststart: [], poststop: [] },
      annotations: {},
      linux: {
        namespaces: [],
        uidMappings: [],
        gidMappings: [],
        timeOffsets: {},
        devices: [],
        netDevices: {},
        cgroupsPath: undefined,
        resources: {
          devices: [],
          memory: {
            limit: undefined,
            reservation: undefined,
            swap: undefined,
            kernel: undefined,
            kernelTCP: undefined,
            swappiness: undefined,
            disableOOMKiller: false,
            useHierarchy: undefined,
            checkBeforeUpdate: false,
          },
          cpu: {
            shares: undefined,
            quota: undefined,
            burst: undefined,
            period: undefined,
            realtimeRuntime: undefined,
            realtimePeriod: undefined,
            cpus: undefined,
            mems: undefined,
            idle: undefined,
          },
          pids: { limit: undefined },
          blockIO: {
            weight: undefined,
            leafWeight: undefined,
            weightDevice: [],
            throttleReadBpsDevice: [],
            throttleWriteBpsDevice: [],
            throttleReadIOPSDevice: [],
            throttleWriteIOPSDevice: [],
          },
          hugepageLimits: [],
          network: { classID: undefined, priorities: [] },
          rdma: {},
          unified: {},
        },
        rootfsPropagation: undefined,
        seccomp: undefined,
        sysctl: {},
        maskedPaths: [],
        readonlyPaths: [],
        mountLabel: undefined,
        personality: undefined,
        memoryPolicy: undefined,
        intelRdt: undefined,
      },
    });
    assert.deepEqual(decodeSpec({ ...least, process: { cwd: "/", args: ["a"] } }).process, {
      terminal: false,
      consoleSize: undefined,
      user: { uid: 0, gid: 0, umask: undefined, additionalGids: [] },
      args: ["a"],
      env: [],
      cwd: "/",
      capabilities: undefined,
      rlimits: [],
      noNewPrivileges: false,
      apparmorProfile: undefined,
      selinuxLabel: undefined,
      oomScoreAdj: undefined,
      scheduler: undefined,
      ioPriority: undefined,
      execCPUAffinity: undefined,
    });
  });

  it("takes an I/O priority without a level for the highest, as Go does", () => {
    assert.deepEqual(
      decodeSpec({ ...least, process: { cwd: "/", args: ["a"], ioPriority: { class: "IOPRIO_CLASS_IDLE" } } }).process
        ?.ioPriority,
      { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    );
  });

  it("loses nothing that Linux asks for", () => {
    const ignored = new Set([
      "/process/commandLine",
      "/process/user/username",
      "/linux/intelRdt/enableCMT",
      "/linux/intelRdt/enableMBM",
      "/freebsd",
      "/solaris",
      "/vm",
      "/windows",
      "/zos",
    ]);
    /** What is said there, where the Spec says otherwise on purpose. */
    const meant: { readonly [pointer: string]: unknown } = {
      "/hooks/createContainer/0/args": ["/usr/bin/b"],
      "/linux/namespaces/7/path": undefined,
      "/linux/devices/0/fileMode": 0o666,
      "/linux/resources/devices/2/minor": undefined,
    };
    const compare = (raw: unknown, decoded: unknown, pointer: string): void => {
      if (ignored.has(pointer)) return;
      if (pointer in meant) assert.deepEqual(decoded, meant[pointer], pointer);
      else if (typeof raw !== "object" || raw === null) assert.equal(decoded, raw, pointer);
      else {
        assert.equal(typeof decoded, "object", pointer);
        for (const [key, value] of Object.entries(raw))
          compare(value, (decoded as { [key: string]: unknown })[key], `${pointer}/${key}`);
      }
    };
    compare(full, decodeSpec(full), "");
  });

  it("fills in what absence means", () => {
    const { linux, hooks } = decodeSpec(full);
    assert.deepEqual(hooks.createRuntime[0], {
      path: "/usr/bin/a",
      args: ["/usr/bin/a"],
      env: undefined,
      timeout: undefined,
    });
    assert.deepEqual(hooks.startContainer[0]?.env, []);
    assert.deepEqual(linux.devices[1], {
      type: "p",
      path: "/run/fifo",
      major: 0,
      minor: 0,
      fileMode: undefined,
      uid: undefined,
      gid: undefined,
    });
    assert.deepEqual(linux.netDevices, { eth0: { name: "container_eth0" }, ens4: { name: "ens4" } });
    assert.deepEqual(linux.timeOffsets["boottime"], { secs: 0, nanosecs: 0 });
    assert.deepEqual(linux.resources.devices[0], {
      allow: false,
      type: "a",
      major: undefined,
      minor: undefined,
      access: "rwm",
    });
    assert.deepEqual(linux.resources.devices[2], { allow: true, type: "b", major: 8, minor: undefined, access: "rwm" });
    assert.deepEqual(linux.seccomp?.syscalls[1], {
      names: ["mknod"],
      action: "SCMP_ACT_NOTIFY",
      errnoRet: undefined,
      args: [],
    });
  });

  it("takes the empty strings of Go clients for absent", () => {
    const { hostname, linux } = decodeSpec({
      ...least,
      hostname: "",
      linux: {
        cgroupsPath: "",
        rootfsPropagation: "",
        mountLabel: "",
        resources: { devices: [{ allow: true, type: "", access: "" }], cpu: { cpus: "" } },
      },
    });
    assert.deepEqual(
      [hostname, linux.cgroupsPath, linux.rootfsPropagation, linux.mountLabel, linux.resources.cpu.cpus],
      [undefined, undefined, undefined, undefined, undefined],
    );
    assert.equal(linux.resources.devices[0]?.type, "a");
  });

  it("takes Docker's swappiness of (uint64)-1 for absent", () => {
    const swappiness = (value: unknown): unknown =>
      decodeSpec({ ...least, linux: { resources: { memory: { swappiness: value } } } }).linux.resources.memory
        .swappiness;
    assert.deepEqual([swappiness(18446744073709551615n), swappiness(60)], [undefined, 60]);
  });

  it("tells seccomp flags that are absent from none", () => {
    const flags = (seccomp: object): unknown =>
      decodeSpec({ ...least, linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...seccomp } } }).linux.seccomp
        ?.flags;
    assert.deepEqual([flags({}), flags({ flags: [] })], [undefined, []]);
  });

  it("keeps a map's __proto__ an ordinary name", () => {
    const json: unknown = JSON.parse(
      '{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"timeOffsets":{"__proto__":{"secs":1}},"netDevices":{"__proto__":{}}}}',
    );
    const { linux } = decodeSpec(json);
    assert.deepEqual(Object.keys(linux.timeOffsets), ["__proto__"]);
    assert.deepEqual(Object.entries(linux.netDevices), [["__proto__", { name: "__proto__" }]]);
  });
});
