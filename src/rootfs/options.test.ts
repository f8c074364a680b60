import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_BIND,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_STRICTATIME,
} from "../abi/mount.ts";
import { knownMountOptions, parseMountOptions, propagationFlags } from "./options.ts";

const nothing = { flags: 0, cleared: 0, propagation: [], tree: undefined, copyUp: false, idmap: undefined, data: "" };

describe("parseMountOptions", () => {
  it("no words mean nothing", () => {
    assert.deepEqual(parseMountOptions([]), nothing);
    assert.deepEqual(parseMountOptions(["defaults"]), nothing);
  });

  it('"ro" sets MS_RDONLY and "rw" clears it', () => {
    assert.deepEqual(parseMountOptions(["ro"]), { ...nothing, flags: MS_RDONLY });
    assert.deepEqual(parseMountOptions(["rw"]), { ...nothing, cleared: MS_RDONLY });
  });

  it("the last word of a kind wins", () => {
    assert.deepEqual(parseMountOptions(["ro", "rw"]), { ...nothing, cleared: MS_RDONLY });
    assert.deepEqual(parseMountOptions(["rw", "nosuid", "ro"]), { ...nothing, flags: MS_RDONLY | MS_NOSUID });
  });

  it('"rbind" is a bind of the whole tree', () => {
    assert.equal(parseMountOptions(["rbind"]).flags, MS_BIND | MS_REC);
    assert.equal(parseMountOptions(["bind"]).flags, MS_BIND);
  });

  it("propagation words keep their order and are no flags", () => {
    const { flags, propagation } = parseMountOptions(["bind", "rprivate", "shared"]);
    assert.equal(flags, MS_BIND);
    assert.deepEqual(propagation, [MS_PRIVATE | MS_REC, MS_SHARED]);
  });

  it("a word that is not known is data, in order", () => {
    assert.equal(parseMountOptions(["nosuid", "mode=755", "strictatime", "size=65536k"]).data, "mode=755,size=65536k");
    assert.equal(
      parseMountOptions(["nosuid", "mode=755", "strictatime", "size=65536k"]).flags,
      MS_NOSUID | MS_STRICTATIME,
    );
  });

  it("a name that every object has is data", () => {
    assert.equal(parseMountOptions(["constructor", "__proto__", "toString"]).data, "constructor,__proto__,toString");
  });

  it("recursive attributes are for the tree", () => {
    assert.deepEqual(parseMountOptions(["rro", "rdev"]).tree, { set: MOUNT_ATTR_RDONLY, clear: MOUNT_ATTR_NODEV });
    assert.deepEqual(parseMountOptions(["rro", "rrw"]).tree, { set: 0, clear: MOUNT_ATTR_RDONLY });
  });

  it("recursive access times are one choice: setting one clears them all", () => {
    assert.deepEqual(parseMountOptions(["rnoatime"]).tree, { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME });
    assert.deepEqual(parseMountOptions(["rnoatime", "rstrictatime"]).tree, {
      set: MOUNT_ATTR_STRICTATIME,
      clear: MOUNT_ATTR__ATIME,
    });
    assert.deepEqual(parseMountOptions(["rstrictatime", "rrelatime"]).tree, { set: 0, clear: MOUNT_ATTR__ATIME });
    assert.deepEqual(parseMountOptions(["rnorelatime"]).tree, { set: 0, clear: MOUNT_ATTR__ATIME });
  });

  it("extensions are words of their own", () => {
    assert.equal(parseMountOptions(["tmpcopyup"]).copyUp, true);
    assert.equal(parseMountOptions(["idmap"]).idmap, "idmap");
    assert.equal(parseMountOptions(["idmap", "ridmap"]).idmap, "ridmap");
  });

  it("a clearing word takes a set bit back", () => {
    assert.deepEqual(parseMountOptions(["nodev", "dev"]), { ...nothing, cleared: MS_NODEV });
  });
});

describe("propagationFlags", () => {
  it("gives the bits of a word", () => {
    assert.equal(propagationFlags("rshared"), MS_SHARED | MS_REC);
    assert.throws(() => propagationFlags("nonsense"));
  });
});

describe("knownMountOptions", () => {
  it("lists the words that runc lists, sorted", () => {
    const runc =
      "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec noiversion nolazytime nomand " +
      "norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodev rnodiratime rnoexec " +
      "rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared " +
      "silent slave strictatime suid symfollow sync tmpcopyup unbindable";
    assert.deepEqual(knownMountOptions(), runc.split(" "));
  });
});
