import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseInlineIdmap } from "./inline-idmap.ts";

const none = { uidMappings: [], gidMappings: [] };
const range = (containerID: number, hostID: number, size: number): object => ({ containerID, hostID, size });

describe("parseInlineIdmap", () => {
  it("reads ranges of both kinds", () =>
    assert.deepEqual(parseInlineIdmap("idmap=uids=0-1-10#10-11-10;gids=0-100-10", none), {
      word: "idmap",
      uidMappings: [range(0, 1, 10), range(10, 11, 10)],
      gidMappings: [range(0, 100, 10)],
    }));

  it("adds the container's own mappings to relative ones", () => {
    const users = { uidMappings: [{ containerID: 0, hostID: 1000, size: 100 }], gidMappings: [] };
    assert.deepEqual(parseInlineIdmap("ridmap=uids=@1-3-10", users), {
      word: "ridmap",
      uidMappings: [range(1, 1003, 10)],
      gidMappings: [],
    });
    assert.equal(parseInlineIdmap("idmap=uids=@1-300-10", users), undefined);
    assert.equal(parseInlineIdmap("idmap=gids=@1-3-10", users), undefined);
  });

  it("is none for another option, and for what is written otherwise", () => {
    for (const option of [
      "idmap",
      "mode=755",
      "idmap=",
      "idmap=uids",
      "idmap=uids=1-2",
      "idmap=uids=a-b-c",
      "idmap=foo=0-1-2",
      "idmap=uids=0-1-99999999999",
    ])
      assert.equal(parseInlineIdmap(option, none), undefined, option);
  });
});
