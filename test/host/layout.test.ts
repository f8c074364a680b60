// The engine's heap as scripts/layout.mjs lays it out. `make host-test` builds the program whose every small block was moved, each to a page of its own.

import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { layOut } from "../../scripts/layout.mjs";

const build = resolve(process.env["BUILD"] || "build");
/** The engine that comes with npm takes its small blocks from arenas; Debian 13's (2025-04-26) does not, and then nothing is moved. */
const itWithArenas = readFileSync(resolve(build, "settings"), "utf8").includes("@suchipi")
  ? it
  : (name: string): Mocha.Test => it.skip(`${name} (this engine has no arenas)`);
const hotNames = readFileSync("scripts/hot.txt", "utf8").trim().split("\n");

describe("the layout of the heap", function () {
  this.timeout(60_000);
  for (const words of [
    ["--version"],
    ["help"],
    ["help", "exec"],
    ["features"],
    ["doctor", "--json"],
    ["plan", "--bundle", "bundles/hello"],
    ["state", "no-such-container"],
  ]) {
    it(`moved as a whole it does the same: ${words.join(" ")}`, () => {
      const [moved, usual] = ["profile/tsrun", "tsrun"].map((program) => {
        const { stdout, stderr, status } = spawnSync(resolve(build, program), words, {
          encoding: "utf8",
          timeout: 60_000,
        });
        return { stdout, stderr: stderr.replace(/\d{4}-\d\d-\d\dT[\d:.+Z-]+/g, ""), status };
      });
      assert.deepEqual(moved, usual);
    });
  }

  itWithArenas("the names of what is hot are those of blocks (make profile renews them)", () => {
    const blocks = JSON.parse(readFileSync(resolve(build, "profile/blocks.json"), "utf8")) as readonly {
      readonly name?: string;
    }[];
    const names = new Set(blocks.map(({ name }) => name));
    const unknown = hotNames.filter((name) => !names.has(name));
    assert.ok(
      hotNames.length > 1000 && unknown.length < hotNames.length / 5,
      `${unknown.length} of ${hotNames.length} are of nothing`,
    );
  });

  itWithArenas("bytes that look like a pointer in one heap alone are left as they are", () => {
    const print = (program: string): Buffer =>
      execFileSync(resolve(build, "obj", program), ["--print-heap"], { maxBuffer: 2 ** 28 });
    const [made, again] = [
      { heap: print("maker"), base: 0x3000_0000n },
      { heap: print("elsewhere"), base: 0x5123_1000n },
    ];
    // In the middle of a text, an address of a shape: that of the first object which host.c's struct heap refers to.
    const object = Number(made.heap.readBigUInt64LE(32) - made.base);
    const shape = made.heap.readBigUInt64LE(object + 24);
    const found = /[a-z ]{48}[ -~]{16,}/.exec(made.heap.toString("latin1"));
    assert(found !== null);
    const at = Math.ceil((found.index + 8) / 8) * 8;
    const rest = made.heap.subarray(at + 8, found.index + found[0].length);
    assert.ok(again.heap.subarray(at + 8).indexOf(rest) === 0);
    made.heap.writeBigUInt64LE(shape, at);
    again.heap.writeBigUInt64LE(0n, at);
    const { heap } = layOut(made, again, () => false);
    assert.equal(heap.readBigUInt64LE(heap.indexOf(rest) - 8), shape);
  });

  itWithArenas("the last byte of a function's code is no pointer, whatever stood behind it before", () => {
    const print = (program: string): Buffer =>
      execFileSync(resolve(build, "obj", program), ["--print-heap"], { maxBuffer: 2 ** 28 });
    const made = { heap: print("maker"), base: 0x3000_0000n };
    const again = { heap: print("elsewhere"), base: 0x5123_1000n };
    // Of a function: where its code is and how long. One whose last byte begins a word that nothing else is in.
    let code: Buffer | undefined;
    for (let at = 0x10000; code === undefined && at < made.heap.length - 64; at += 8) {
      if (made.heap[at + 3] !== 1) continue;
      const from = Number(made.heap.readBigUInt64LE(at + 32) - made.base);
      const end = from + made.heap.readInt32LE(at + 40);
      if (from < at + 64 || from > at + 512 || end < from + 64 || end > from + 512 || end % 8 !== 1) continue;
      for (const { heap, base } of [made, again])
        heap.writeBigUInt64LE(base + 0x4_4700n + BigInt(made.heap[end - 1] ?? 0), end - 1);
      code = Buffer.from(made.heap.subarray(from, end));
    }
    assert.ok(code !== undefined);
    assert.notEqual(layOut(made, again, () => false).heap.indexOf(code), -1);
  });

  itWithArenas("the engine's table of names has room for those that a command adds", () => {
    const heap = readFileSync(resolve(build, "obj/heap.bin"));
    const runtime = Number(heap.readBigUInt64LE(16)) - 0x3000_0000;
    // JSRuntime's atom_hash_size, atom_count and atom_count_resize, of the engine that comes with npm
    const [size = 0, count = 0, limit = 0] = [1072, 1076, 1084].map((at) => heap.readUInt32LE(runtime + at));
    assert.equal(limit, 2 * size);
    assert.ok(count > 1000 && limit - count > 600, `${count} of ${limit}`);
  });

  itWithArenas("what is hot ends the heap, and is a small part of it", () => {
    const heap = readFileSync(resolve(build, "obj/heap.bin"));
    const [used, hot] = [Number(heap.readBigUInt64LE(0)), Number(heap.readBigUInt64LE(8))];
    assert.equal(used, heap.length);
    assert.ok(hot % 4096 === 0 && hot > 0 && used - hot > 65_536 && used - hot < used / 4, `${hot} of ${used}`);
  });
});
