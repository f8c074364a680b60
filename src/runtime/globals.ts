// What every command is given besides its own request.

import type { HostPath } from "../base/brand.ts";
import type { ContainerPlan } from "./plan/container.ts";
import type { Span } from "./step.ts";

/** Which process has ended a step. */
export type StepProcess = "runtime" | "init" | "join";

export type StepListener = {
  readonly ended: (process: StepProcess, span: Span) => void;
  /** What the steps will be about, once that is known. */
  readonly planned: (plan: ContainerPlan) => void;
};

export type Globals = {
  /** The directory of the containers' state directories, absolute. */
  readonly root: HostPath;
  readonly systemdCgroup: boolean;
  readonly noCgroup: boolean;
  readonly rootless: "auto" | "true" | "false";
  /** undefined when nobody wants debug lines: then nothing is spent on making them. */
  readonly debug: ((message: string) => void) | undefined;
  /** undefined when nobody wants to hear of steps, ours and our child's: then no clock is read for them. */
  readonly steps: StepListener | undefined;
  /** @param cause what went wrong, when it is an error: it is put into words as a failure is */
  readonly warn: (message: string, cause?: unknown) => void;
};
