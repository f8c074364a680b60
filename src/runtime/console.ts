// `tsrun console`: the other end of --console-socket, for people who try `create` or `exec` with a terminal and have no engine that shows it.

import { SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../abi/signal.ts";
import { POLLIN } from "../abi/poll.ts";
import type { HostPath } from "../base/brand.ts";
import { unlinkat } from "../sys/directory.ts";
import { poll } from "../sys/poll.ts";
import { ALL_SIGNALS, blockSignals, readSignal, signalfd } from "../sys/signal.ts";
import { accept, listenUnix } from "../sys/socket.ts";
import { receiveMaster, show } from "./foreground/tty-relay.ts";
import { step } from "./step.ts";

const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/**
 * Listens on `path`, takes one terminal, and shows it on ours until it is closed everywhere. The socket's name goes as soon as the terminal has come.
 * @param ready called once somebody may connect
 * @throws SysError EADDRINUSE when there is something of that name
 */
export function showConsole(path: HostPath, ready: () => void): void {
  blockSignals(ALL_SIGNALS);
  using signals = signalfd(ALL_SIGNALS);
  using listener = step("listen on the console socket", () => listenUnix(path));
  const stream = (() => {
    try {
      ready();
      for (;;) {
        const [heard = 0, connected = 0] = poll([
          { fd: signals, events: POLLIN },
          { fd: listener, events: POLLIN },
        ]);
        if (connected !== 0) return accept(listener);
        if (heard !== 0 && ENDING.includes(readSignal(signals))) return null;
      }
    } finally {
      unlinkat(null, path);
    }
  })();
  using closed = stream;
  if (closed !== null)
    show(
      signals,
      step("receive the terminal", () => receiveMaster(closed)),
    );
}
