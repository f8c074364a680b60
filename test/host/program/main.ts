// The test program that host/host.c runs in place of tsrun: `host-test list` names the cases, `host-test run NAME` runs
// one and prints "ok". Anything else is printed by the host, which is what some cases are about.

import { host } from "../../../src/sys/host.ts";
import { cases } from "./cases.ts";
import { write } from "./expect.ts";
import { outer } from "./uncaught.ts";

export function main(): void {
  const [, command, name] = host.argv;
  if (command === "list") {
    write(JSON.stringify(Object.keys(cases)));
  } else if (command === "uncaught") {
    outer(name ?? "");
  } else if (command === "uncaught-text") {
    throw name;
  } else {
    const act = cases[name ?? ""];
    if (!act) throw new Error(`no case ${name}`);
    act();
    write("ok");
  }
}
