// `tsrun console SOCKET`: shows the terminal of a container that another command makes.

import { hostPath } from "../base/brand.ts";
import { complain } from "../sys/print.ts";
import { absolute } from "./globals.ts";
import defer * as runtime from "../runtime/console.ts";

export const options = {} as const;
export const takes = [1, 1] as const;

export function run(_flags: object, [socket = ""]: readonly string[]): void {
  const path = absolute(socket);
  runtime.showConsole(hostPath(path), () =>
    complain(`waiting for a terminal: tsrun create --console-socket ${path} …, or exec --tty --detach\n`),
  );
}
