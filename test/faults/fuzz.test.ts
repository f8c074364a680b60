// A part of the fuzzing that `make test-faults` does, with a fixed seed: always the same input.

import { describe, it } from "mocha";
import { SLOWNESS, useBox } from "../system/harness.ts";
import { commandLines, documents, runs, stateDirectories } from "./fuzz/fuzz.ts";
import { goodDocuments } from "./fuzz/seeds.ts";

const SEED = 20_261_130;

describe("mutated input", function () {
  this.timeout(300_000 * SLOWNESS);
  const box = useBox();

  it("2,000 documents are examined, read, planned and explained by the engine without an error of its own, a second or 64 MB", () =>
    void documents(goodDocuments(), box().directory, SEED, 0, 2000));

  it("60 documents are run or refused, and nothing is left of them", () =>
    void runs(box(), goodDocuments(), SEED, 0, 60));

  it("100 command lines end with a status of ours", () => commandLines(box(), SEED, 0, 100));

  it("40 state directories are read or refused, and taken away by delete --force", () =>
    stateDirectories(box(), SEED, 0, 40));
});
