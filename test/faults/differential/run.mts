// Random bundles under tsrun and under runc. The seed is printed: the same one makes the same bundles again.
//
//   node --import tsx test/faults/differential/run.mts [--seed N] [--from N] [--bundles N] [--other PATH]

import { parseArgs } from "node:util";
import { sharedRootfs } from "../../system/bundle.ts";
import { Box, RUNC } from "../../system/harness.ts";
import { bundle } from "./bundles.ts";
import { differences } from "./compare.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    from: { type: "string", default: "0" },
    bundles: { type: "string", default: "1000" },
    other: { type: "string", default: RUNC },
  },
});
console.log(`seed ${values.seed}, beside ${values.other}`);
sharedRootfs();
for (let n = Number(values.from); n < Number(values.from) + Number(values.bundles); n++) {
  const { features, change } = bundle(Number(values.seed), n);
  const box = new Box();
  try {
    for (const { where, line, of } of differences(box, values.other, change)) {
      process.exitCode = 1;
      console.log(`bundle ${n} (${features.join(", ")}), ${where}: only ${of} has "${line}"`);
    }
  } finally {
    if (box.leftovers().length > 0) box.clean();
    box.remove();
  }
}
