// Who waits to hear that the container's service is ready: NOTIFY_SOCKET of our environment. What is done about it is in readiness.ts.

import { getenv } from "../../sys/environ.ts";

/** @see sd_notify(3) */
export const notifySocket = (): string | undefined => getenv("NOTIFY_SOCKET") || undefined;
