// A pod of two: two containers that share network, IPC and PID namespaces and have a root file system each.
//
//   node pod.js ROOTFS

import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { defaultConfig, Runtime, type Config, type Namespace } from "@tsrun/runtime";

const root = resolve(process.argv[2] ?? "rootfs");
const files: Readonly<Record<string, string>> = { network: "net", ipc: "ipc", pid: "pid" };

/** The config of a container that joins the network, IPC and PID namespaces of the process `pid`. */
function joining(config: Config, pid: number): Config {
  const namespaces = (config.linux?.namespaces ?? []).map((namespace): Namespace => {
    const file = files[namespace.type];
    return file === undefined ? namespace : { type: namespace.type, path: `/proc/${pid}/ns/${file}` };
  });
  return { ...config, linux: { ...config.linux, namespaces } };
}

const runtime = new Runtime();
const pod = `pod-${randomUUID()}`;
await using first = await runtime.create(`${pod}-server`, {
  bundle: defaultConfig({ root, args: ["httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/etc"] }),
  stdin: "ignore",
  stdout: "ignore",
  stderr: "ignore",
});
await first.start();
const { pid = 0 } = await first.state();

const client = defaultConfig({
  root,
  args: ["sh", "-c", "until wget -q -O - http://127.0.0.1:8080/passwd; do sleep 0.1; done; ps -o pid,args"],
});
const second = await runtime.run(`${pod}-client`, { bundle: joining(client, pid), stdin: "ignore" });
const { stdout } = await second.output();
process.stdout.write(stdout);
