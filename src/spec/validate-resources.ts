// Laws of limits: cgroup resources, cache and bandwidth, memory nodes.

import { compareInt64 } from "../base/int64.ts";
import { escapePointer } from "../base/json.ts";
import { isNumberList, numbersIn, type Law } from "./rule.ts";
import type { Spec } from "./types.ts";

export const RESOURCE_LAWS: readonly Law<Spec>[] = [
  {
    name: "memory limits",
    source: "config-linux.md, Memory; runc, crun",
    check({ linux: { resources } }, refuse) {
      const { limit = 0, swap = 0, swappiness = 0 } = resources.memory;
      const pointer = "/linux/resources/memory";
      if (compareInt64(swappiness, 100) > 0) refuse(`${pointer}/swappiness`, "must be an integer between 0 and 100");
      if (compareInt64(limit, -1) < 0) refuse(`${pointer}/limit`, "must be -1 (unlimited), or a number of bytes");
      if (compareInt64(swap, -1) < 0) refuse(`${pointer}/swap`, "must be -1 (unlimited), or a number of bytes");
      if (swap === -1 || swap === 0 || limit === -1) return;
      if (limit === 0) refuse(`${pointer}/swap`, "unable to set swap limit without memory limit");
      else if (compareInt64(swap, limit) < 0) refuse(`${pointer}/swap`, "memory+swap limit should be >= memory limit");
    },
  },
  {
    name: "cpu burst",
    source: "config-linux.md, CPU",
    check({ linux: { resources } }, refuse) {
      const { quota = 0, burst = 0 } = resources.cpu;
      if (quota > 0 && compareInt64(burst, quota) > 0)
        refuse("/linux/resources/cpu/burst", "must not be more than quota");
    },
  },
  {
    name: "entries that limit nothing",
    source: "config-linux.md, Block IO, RDMA",
    check({ linux: { resources } }, refuse) {
      resources.blockIO.weightDevice.forEach(({ weight, leafWeight }, index) => {
        if (weight === undefined && leafWeight === undefined) {
          refuse(`/linux/resources/blockIO/weightDevice/${index}`, "must have at least one of weight and leafWeight");
        }
      });
      for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma)) {
        if (hcaHandles === undefined && hcaObjects === undefined) {
          refuse(
            `/linux/resources/rdma/${escapePointer(device)}`,
            "must have at least one of hcaHandles and hcaObjects",
          );
        }
      }
    },
  },
  {
    name: "unified resources are files of the cgroup",
    source: "runc, crun",
    check({ linux: { resources } }, refuse) {
      for (const key of Object.keys(resources.unified)) {
        if (key.includes("/") || key === "" || key === "." || key === "..") {
          refuse(
            `/linux/resources/unified/${escapePointer(key)}`,
            `unified resource "${key}" must be a file name (no slashes)`,
          );
        }
      }
    },
  },
  {
    name: "intelRdt",
    source: "config-linux.md, IntelRdt; runc",
    check({ linux: { intelRdt } }, refuse) {
      if (!intelRdt) return;
      const { closID = "", memBwSchema = "MB:", schemata } = intelRdt;
      if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
        refuse("/linux/intelRdt/closID", `invalid intelRdt.ClosID "${closID}"`);
      }
      if (!/^MB:[^\n]*$/.test(memBwSchema))
        refuse("/linux/intelRdt/memBwSchema", 'must start with "MB:" and be one line');
      schemata.forEach((line, index) => {
        if (line.includes("\n")) refuse(`/linux/intelRdt/schemata/${index}`, "must be one line");
      });
    },
  },
  {
    name: "memory policy",
    source: "set_mempolicy(2); runc",
    check({ linux: { memoryPolicy } }, refuse) {
      if (!memoryPolicy) return;
      const { mode, nodes, flags } = memoryPolicy;
      const pointer = "/linux/memoryPolicy";
      if (nodes !== undefined && !isNumberList(nodes)) {
        refuse(
          `${pointer}/nodes`,
          `invalid memory policy nodes ${JSON.stringify(nodes)}: must be a list of nodes such as "0-3,7"`,
        );
        return;
      }
      const count = nodes === undefined ? 0 : numbersIn(nodes);
      const none = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL";
      if (none && count > 0)
        refuse(`${pointer}/nodes`, `memory policy mode requires 0 nodes but got ${count}: ${mode} takes none`);
      if (!none && mode !== "MPOL_PREFERRED" && count === 0) {
        refuse(`${pointer}/nodes`, `memory policy mode requires at least one node but got 0: ${mode} needs some`);
      }
      if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
        refuse(`${pointer}/flags`, "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
      }
    },
  },
];
