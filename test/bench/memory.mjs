// What a runtime costs a container in memory that the container is charged for.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROUNDS = 5;
const PAGE = 4096;

/** The memory cgroup of a process on this host, and the names of its files. */
function memoryOf(pid) {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(":"));
  const v1 = lines.find(([, names]) => names.split(",").includes("memory"));
  const [directory, file] = v1
    ? [`/sys/fs/cgroup/memory${v1[2]}`, "memory.usage_in_bytes"]
    : [`/sys/fs/cgroup${lines.find(([, names]) => names === "")[2]}`, "memory.current"];
  return existsSync(join(directory, file)) ? join(directory, file) : undefined;
}

/** The median of what is charged to a container's cgroup between create and start. */
export function chargedBytes(runtime, bundle, id) {
  const found = [];
  for (let i = 0; i < ROUNDS; i++) {
    runtime("create", "--bundle", bundle, id);
    const file = memoryOf(JSON.parse(runtime("state", id).stdout).pid);
    if (file !== undefined) found.push(Number(readFileSync(file, "utf8")));
    runtime("delete", "--force", id);
  }
  return found.sort((a, b) => a - b)[found.length >> 1];
}

/** The smallest limit of memory, without swap, with which the bundle's program ends well, every time. */
export function smallestLimit(runtime, bundle, id) {
  const file = join(bundle, "config.json");
  const text = readFileSync(file, "utf8");
  const config = JSON.parse(text);
  const runs = (limit) => {
    config.linux.resources = { ...config.linux.resources, memory: { limit, swap: limit } };
    writeFileSync(file, JSON.stringify(config));
    for (let i = 0; i < ROUNDS; i++) {
      const { status } = runtime("run", "--bundle", bundle, id);
      runtime("delete", "--force", id);
      if (status !== 0) return false;
    }
    return true;
  };
  let [low, high] = [0, 4096];
  if (!runs(high * PAGE)) high = undefined;
  while (high !== undefined && high - low > 1) {
    const middle = (low + high) >> 1;
    if (runs(middle * PAGE)) high = middle;
    else low = middle;
  }
  writeFileSync(file, text);
  return high === undefined ? undefined : high * PAGE;
}
