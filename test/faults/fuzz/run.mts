// The whole of the fuzzing, for `make test-faults`. The seed is printed: the same one makes the same input again.
//
//   node --import tsx test/faults/fuzz/run.mts [--seed N] [--documents N] [--runs N] [--command-lines N] [--states N]

import { parseArgs } from "node:util";
import { sharedRootfs } from "../../system/bundle.ts";
import { Box } from "../../system/harness.ts";
import { commandLines, documents, runs, stateDirectories } from "./fuzz.ts";
import { goodDocuments } from "./seeds.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    documents: { type: "string", default: "200000" },
    runs: { type: "string", default: "5000" },
    "command-lines": { type: "string", default: "5000" },
    states: { type: "string", default: "2000" },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);
sharedRootfs();

const CHUNK = 5000;
const good = goodDocuments();

/** In pieces: one that fails is told with its numbers, and the rest goes on. */
function inPieces(what: string, total: number, act: (box: Box, from: number, count: number) => unknown): void {
  for (let from = 0; from < total; from += CHUNK) {
    const count = Math.min(CHUNK, total - from);
    const box = new Box();
    try {
      const said = act(box, from, count);
      console.log(`${what} ${from} to ${from + count}: well${said === undefined ? "" : ` (${String(said)})`}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`${what} ${from} to ${from + count}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      if (box.leftovers().length > 0) box.clean();
      box.remove();
    }
  }
}

inPieces("documents", Number(values.documents), (box, from, count) =>
  documents(good, box.directory, seed, from, count),
);
inPieces("runs", Number(values.runs), (box, from, count) => runs(box, good, seed, from, count));
inPieces("command lines", Number(values["command-lines"]), (box, from, count) => commandLines(box, seed, from, count));
inPieces("state directories", Number(values.states), (box, from, count) => stateDirectories(box, seed, from, count));
