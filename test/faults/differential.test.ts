// A part of the comparison with runc that `make test-faults` does, with a fixed seed: always the same bundles.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "mocha";
import { isTsrun, RUNC, SLOWNESS, useBox } from "../system/harness.ts";
import { skipBecause } from "../skip.ts";
import { bundle } from "./differential/bundles.ts";
import { differences } from "./differential/compare.ts";

const SEED = 20_261_130;
const BUNDLES = 24;

describe("random bundles, under tsrun and under runc", function () {
  this.timeout(120_000 * SLOWNESS);
  const box = useBox();

  for (let n = 0; n < BUNDLES; n++) {
    const { features, change } = bundle(SEED, n);
    it(`${n}: ${features.join(", ")}: process, exec and hooks see the same, but for what is explained`, function () {
      if (!isTsrun || !existsSync(RUNC)) return skipBecause(this, "there is no runc to compare with");
      assert.deepEqual(differences(box(), RUNC, change), []);
      box().clean();
    });
  }
});
