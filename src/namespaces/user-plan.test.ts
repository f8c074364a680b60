import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS } from "../abi/sched.ts";
import { SpecError } from "../base/errors.ts";
import { decodeSpec } from "../spec/decode.ts";
import type { IDMapping, Spec } from "../spec/types.ts";
import { planNamespaces } from "./plan.ts";
import { hostId, isSameMap, parseMap, planUser, type UserPlan } from "./user-plan.ts";

const range = (containerID: number, hostID: number, size: number): IDMapping => ({ containerID, hostID, size });

const NAMESPACES = ["pid", "network", "ipc", "uts", "mount", "cgroup", "time"].map((type) => ({ type }));

function spec(linux: object, user: object = { uid: 0, gid: 0 }): Spec {
  return decodeSpec({
    ociVersion: "1.3.0",
    process: { user, args: ["true"], cwd: "/" },
    root: { path: "rootfs" },
    linux: { namespaces: [...NAMESPACES, { type: "user" }], ...linux },
  });
}

const maps = (uidMappings: readonly IDMapping[], gidMappings = uidMappings): object => ({ uidMappings, gidMappings });

const ROOT = { euid: 0, egid: 0 };
const USER = { euid: 1000, egid: 1001 };

function plan(linux: object, host = ROOT, user?: object): UserPlan {
  const made = planUser(spec(linux, user), host);
  assert(made !== undefined);
  return made;
}

function problems(linux: object, host = ROOT, user?: object): readonly string[] {
  try {
    plan(linux, host, user);
  } catch (error) {
    assert(error instanceof SpecError);
    return error.violations.map(({ pointer, problem }) => `${pointer}: ${problem}`);
  }
  return [];
}

describe("planUser", () => {
  it("there is none without a user namespace", () =>
    assert.equal(planUser(spec({ namespaces: NAMESPACES }), ROOT), undefined));

  it("root writes the maps itself, and groups stay possible", () => {
    const { uids, gids, denySetgroups, privileged } = plan(maps([range(0, 100000, 65536)]));
    assert.deepEqual([uids.by, gids.by, denySetgroups, privileged], ["runtime", "runtime", false, true]);
    assert.equal(uids.text, "0 100000 65536\n");
  });

  it("without privilege a process maps its own id alone, and gives groups up for it", () => {
    const { uids, gids, denySetgroups } = plan(maps([range(0, 1000, 1)], [range(0, 1001, 1)]), USER);
    assert.deepEqual([uids.by, gids.by, denySetgroups], ["init", "init", true]);
  });

  it("without privilege other ids, or more of them, take a helper", () => {
    const { uids, gids, denySetgroups } = plan(maps([range(0, 1000, 1), range(1, 100000, 10)], [range(0, 5, 1)]), USER);
    assert.deepEqual([uids.by, gids.by, denySetgroups], ["helper", "helper", false]);
    assert.equal(plan(maps([range(0, 1000, 1)], [range(0, 100000, 10)]), USER).denySetgroups, false);
  });

  it("an owner that a mount's option names must be mapped", () => {
    const mounts = [
      { destination: "/dev/pts", type: "devpts", options: ["nosuid", "gid=5"] },
      { destination: "/run", type: "tmpfs", options: ["uid=7", "mode=755"] },
    ];
    const wrong = (size: number): readonly string[] => {
      try {
        planUser(
          {
            ...spec(maps([range(0, 100000, size)])),
            mounts: decodeSpec({ ociVersion: "1.3.0", root: { path: "rootfs" }, mounts }).mounts,
          },
          ROOT,
        );
      } catch (error) {
        assert(error instanceof SpecError);
        return error.violations.map(({ pointer, problem }) => `${pointer}: ${problem}`);
      }
      return [];
    };
    assert.deepEqual(wrong(8), []);
    assert.deepEqual(wrong(7), [
      "/mounts/1/options/0: cannot specify uid=7 mount option: uid 7 is not mapped in the container's user namespace",
    ]);
    assert.equal(
      wrong(5)[0],
      "/mounts/0/options/1: cannot specify gid=5 mount option: gid 5 is not mapped in the container's user namespace",
    );
  });

  it("340 ranges are the most, and a page of text", () => {
    const many = (count: number, from: number): readonly IDMapping[] =>
      Array.from({ length: count }, (_, i) => range(i, from + i, 1));
    assert.deepEqual(problems(maps(many(340, 0))), []);
    assert.deepEqual(problems(maps(many(341, 0), many(1, 0))), [
      "/linux/uidMappings: has 341 ranges, but the kernel takes at most 340",
    ]);
    assert.match(
      problems(maps(many(1, 0), many(340, 1_000_000)))[0] ?? "",
      /^\/linux\/gidMappings: is too long: the kernel takes 4095 bytes/,
    );
  });

  it("ranges must not overlap on either side; neighbours do not", () => {
    assert.deepEqual(problems(maps([range(0, 10, 5), range(5, 15, 5)])), []);
    assert.deepEqual(problems(maps([range(0, 10, 5), range(5, 14, 5)], [range(0, 0, 1)])), [
      "/linux/uidMappings/1/hostID: overlaps with /linux/uidMappings/0",
    ]);
    assert.deepEqual(problems(maps([range(0, 0, 1)], [range(3, 100, 2), range(0, 10, 4)])), [
      "/linux/gidMappings/1/containerID: overlaps with /linux/gidMappings/0",
    ]);
  });

  it("who is not mapped cannot be the user, in runc's words", () => {
    assert.deepEqual(problems(maps([range(0, 100000, 10)]), ROOT, { uid: 10, gid: 11, additionalGids: [5, 10] }), [
      "/process/user/uid: cannot setuid to unmapped uid 10 in user namespace",
      "/process/user/gid: cannot setgid to unmapped gid 11 in user namespace",
      "/process/user/additionalGids/1: gid 10 is not mapped in the container's user namespace",
    ]);
    assert.deepEqual(
      problems(maps([range(0, 1000, 1)], [range(0, 1001, 1)]), USER, { uid: 0, gid: 0, additionalGids: [0] }),
      ["/process/user/additionalGids: cannot set any additional groups in a rootless container"],
    );
  });

  it("of one that is joined nothing is known, and nothing refused", () => {
    const namespaces = [...NAMESPACES, { type: "user", path: "/proc/7/ns/user" }];
    assert.deepEqual(problems({ namespaces }, USER, { uid: 5, gid: 5, additionalGids: [6] }), []);
    assert.equal(plan({ namespaces }).path, "/proc/7/ns/user");
  });
});

describe("planNamespaces with a user namespace", () => {
  const joined = (path: string | undefined, ...others: object[]): ReturnType<typeof planNamespaces> => {
    const document = spec({
      namespaces: [
        ...NAMESPACES.filter(({ type }) => !others.some((other) => "type" in other && other.type === type)),
        ...others,
        { type: "user", path },
      ],
      ...(path === undefined ? maps([range(0, 1, 1)]) : {}),
    });
    return planNamespaces(document, planUser(document, ROOT));
  };
  const ALL = CLONE_NEWPID + CLONE_NEWNET + CLONE_NEWUTS + CLONE_NEWNS;

  it("all are made by one clone, but those that its root has to make", () => {
    const { cloneFlags, time, cgroup, user } = joined(undefined);
    assert.equal(cloneFlags, ALL + CLONE_NEWUSER);
    assert.equal(user?.inside, CLONE_NEWIPC);
    assert.equal(time?.by, "init");
    assert(cgroup !== undefined);
  });

  it("with a new one the others are joined before, by who may", () => {
    const { parentJoins, childJoins } = joined(undefined, { type: "network", path: "/n" }, { type: "pid", path: "/p" });
    assert.deepEqual([parentJoins.map(({ type }) => type), childJoins], [["pid", "network"], []]);
  });

  it("one that is joined is joined with the others, by init's maker", () => {
    const { parentJoins, childJoins, cloneFlags } = joined(
      "/u",
      { type: "network", path: "/n" },
      { type: "mount", path: "/m" },
    );
    assert.deepEqual([parentJoins, childJoins.map(({ type }) => type)], [[], ["user", "network", "mount"]]);
    assert.equal(cloneFlags, CLONE_NEWPID + CLONE_NEWUTS);
  });
});

describe("id maps", () => {
  it("are read as the kernel prints them", () => {
    assert.deepEqual(parseMap("         0       1000          1\n         1     100000      65536\n"), [
      range(0, 1000, 1),
      range(1, 100000, 65536),
    ]);
  });

  it("are the same in any order", () => {
    assert.equal(isSameMap([range(0, 1, 1), range(5, 6, 7)], [range(5, 6, 7), range(0, 1, 1)]), true);
    assert.equal(isSameMap([range(0, 1, 1)], [range(0, 1, 2)]), false);
  });

  it("tell who somebody is outside", () => {
    assert.equal(hostId([range(0, 1000, 1), range(1, 100000, 10)], 3), 100002);
    assert.equal(hostId([range(0, 1000, 1)], 1), undefined);
  });
});
