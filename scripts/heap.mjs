// The engine's heap, to be linked in: runs the program that makes it twice, and writes the assembly that puts it where it was.
//
//   node scripts/heap.mjs --program PATH --elsewhere PATH --out FILE.S [--emulator PROGRAM] [--kernel-page BYTES]
//
// Both runs must make the same heap but for what belongs to one process: the two bounds of its stack, which the engine sets anew when it
// starts, and the seed of Math.random, which nothing here uses. Anything else that differs, and any pointer to what the kernel places where it
// likes (libraries, stack, vdso), is a module whose top level did something: it would be wrong in every later process.
//
// The emulator is qemu-user, for a program of another machine. It maps stack and libraries alike in each run, and what it maps for itself is nothing that the
// program could point to: each run gets a stack of another size, so that what lies behind it is elsewhere, and a pointer to that is what differs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { layOut } from "./layout.mjs";

const { values: options } = parseArgs({
  options: {
    program: { type: "string" },
    elsewhere: { type: "string" },
    out: { type: "string" },
    spread: { type: "string" },
    emulator: { type: "string" },
    "kernel-page": { type: "string", default: "4096" },
  },
});
const PLACE = 0x3000_0000n; // host/heap.ld
const ELSEWHERE = 0x5123_1000n; // Makefile
const PER_PROCESS_WORDS = 3;
const STACK_STEP_BYTES = 0x80_0000;
const ROOM_BYTES = 0x200_0000; // host/room.S

function fail(reason) {
  throw new Error(`the heap of ${options.program} cannot be linked in: ${reason}`);
}

/** One run: what it prints, and what was mapped into it while it did, as [first address, end]. */
let runs = 0;
async function make(program = options.program) {
  const emulator = options.emulator ? [options.emulator, "-s", String(++runs * STACK_STEP_BYTES)] : [];
  const [command, ...words] = [...emulator, resolve(program), "--print-heap"];
  const env = options.emulator ? { PATH: process.env.PATH } : {};
  const child = spawn(command, words, { env, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const chunks = [];
  let maps = "";
  for await (const chunk of child.stdout) {
    maps ||= readFileSync(`/proc/${child.pid}/maps`, "utf8"); // it has printed a little, and waits for us to read the rest
    chunks.push(chunk);
  }
  const [status] = await closed;
  if (status !== 0) fail(`its maker ended with ${status}`);
  return { heap: Buffer.concat(chunks), mapped: options.emulator ? [] : elsewhere(maps, program) };
}

/** What is not the program's own: its variables (.bss) are mapped by nobody's name behind its file, at the address that they always have. */
function elsewhere(maps, program) {
  const found = [];
  let ownEnd;
  for (const [, from, to, path] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .* (\S*)$/gm)) {
    if (path === resolve(program) || (path === "" && from === ownEnd)) ownEnd = to;
    else found.push([BigInt(`0x${from}`), BigInt(`0x${to}`)]);
  }
  return found;
}

const { heap, mapped } = await make();
const { heap: other, mapped: otherwise } = await make();
if (heap.length > ROOM_BYTES) fail(`it needs ${heap.length} bytes, there is room for ${ROOM_BYTES}`);
if (heap.length !== other.length) fail(`one run made ${heap.length} bytes of it, another ${other.length}`);

let differing = 0;
for (let at = 0; at + 8 <= heap.length; at += 8) {
  if (heap.compare(other, at, at + 8, at, at + 8) !== 0) {
    if (++differing > PER_PROCESS_WORDS)
      fail(`it depends on the process that makes it, at ${at} and ${differing - 1} places before`);
    heap.writeBigUInt64LE(1n, at); // the seed must not be 0
  } else if (isElsewhere(heap.readBigUInt64LE(at)))
    fail(`it points to ${heap.readBigUInt64LE(at).toString(16)}, at ${at}`);
}

/**
 * Points to a library, the stack, what malloc gave, in both processes: the kernel puts these elsewhere in each, unless it is told not to, and any number may
 * look like a pointer in one of them. The heap itself has our runtime as its second word.
 */
function isElsewhere(word) {
  const runtime = heap.readBigUInt64LE(16);
  return [mapped, otherwise].every((places) =>
    places.some(([from, to]) => word >= from && word < to && !(runtime >= from && runtime < to)),
  );
}

const file = resolve(dirname(options.out), "heap.bin");
const { heap: again } = await make(options.elsewhere);
const names = new Set(readFileSync(new URL("hot.txt", import.meta.url), "utf8").split("\n"));
const {
  heap: laidOut,
  hot,
  blocks,
} = layOut(
  { heap, base: PLACE },
  { heap: again, base: ELSEWHERE },
  (name) => names.has(name),
  options.spread !== undefined,
  Number(options["kernel-page"]),
);
writeFileSync(file, laidOut);
if (options.spread) writeFileSync(options.spread, JSON.stringify(blocks));
writeFileSync(
  options.out,
  `/* made by scripts/heap.mjs */
  .section .heap, "aw", %progbits
  .globl heap
  .balign 65536
heap:
  .incbin "${file}"
  .section .note.GNU-stack, "", %progbits
`,
);
console.log(
  `${Math.round(laidOut.length / 1024)} KB of heap, ${Math.round((laidOut.length - hot) / 1024)} of them hot`,
);
