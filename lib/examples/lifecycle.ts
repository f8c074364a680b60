// The steps of a container's life: create, start, one more process, limits, what it uses, and the end.
//
//   node lifecycle.js ROOTFS

import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { defaultConfig, limits, Runtime } from "@tsrun/runtime";

const runtime = new Runtime();
const id = `lifecycle-${randomUUID()}`;
const config = defaultConfig({
  root: resolve(process.argv[2] ?? "rootfs"),
  args: ["sh", "-c", "echo ready; exec sleep 1000"],
  env: { GREETING: "hello" },
  limits: { pids: 32 },
});
{
  await using container = await runtime.create(id, { bundle: config, stdin: "ignore" });
  console.log((await container.state()).status);
  await container.start();
  for await (const chunk of container.stdout ?? []) {
    process.stdout.write(String(chunk));
    break; // it is ready
  }
  const process_ = await container.exec(["sh", "-c", "echo $GREETING; hostname"], { stdin: "ignore" });
  process.stdout.write((await process_.output()).stdout);
  await container.update(limits({ pids: 64 }));
  const { pids } = await container.stats();
  console.log(`${pids.current} of ${pids.limit} processes`);
  await container.kill("SIGKILL");
  console.log((await container.stopped()).status);
}
console.log((await runtime.list()).some((container) => container.id === id) ? "left behind" : "gone");
