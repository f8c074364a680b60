// Runs a command in a sandbox: its own namespaces, no network, limits of memory, processor time and processes, and a timeout.
//
//   node sandbox.js ROOTFS COMMAND [ARGUMENT…]

import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { defaultConfig, Runtime, TsrunError } from "@tsrun/runtime";

const [root = "rootfs", ...args] = process.argv.slice(2);
const config = defaultConfig({
  root: resolve(root),
  args,
  limits: { memoryBytes: 64 * 1024 * 1024, cpus: 0.5, pids: 16 },
});

const runtime = new Runtime();
const timeout = AbortSignal.timeout(5_000);
try {
  const sandbox = await runtime.run(`sandbox-${randomUUID()}`, { bundle: config, stdin: "ignore", signal: timeout });
  const { status, stdout, stderr } = await sandbox.output();
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  console.log(timeout.aborted ? "timed out" : `exit status ${status}`);
} catch (error) {
  if (!(error instanceof TsrunError)) throw error;
  console.log(`${error.code} in step "${error.step}": ${error.message}`);
}
