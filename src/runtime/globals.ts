// What every command is given besides its own request.

import type { HostPath } from "../base/brand.ts";

export type Globals = {
  /** The directory of the containers' state directories, absolute. */
  readonly root: HostPath;
  readonly systemdCgroup: boolean;
  readonly noCgroup: boolean;
  readonly rootless: "auto" | "true" | "false";
  /** undefined when nobody wants debug lines: then nothing is spent on making them. */
  readonly debug: ((message: string) => void) | undefined;
  /** @param cause what went wrong, when it is an error: it is put into words as a failure is */
  readonly warn: (message: string, cause?: unknown) => void;
};
