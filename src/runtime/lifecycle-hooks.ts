// The hooks of a container's life: which state they read on stdin (runtime.md, State), and what follows when one fails.
// What runs them is loaded when there are any.

import type { Hook, HookKind, State, Status } from "../spec/types.ts";
import type { Globals } from "./globals.ts";
import defer * as hookProcesses from "../hooks.ts";

type Identity = Pick<State, "ociVersion" | "id" | "bundle" | "annotations">;

/** @param pid as the hook's own pid namespace sees it; 0 when there is no process any more */
export function hookState(container: Identity, status: Status, pid: number): State {
  const { ociVersion, id, bundle, annotations } = container;
  return { ociVersion, id, status, pid, bundle, annotations };
}

/** prestart, createRuntime, createContainer, startContainer, poststart. @throws StepError: the container cannot go on */
export function runHooks(kind: HookKind, hooks: readonly Hook[], state: State, env?: readonly string[]): void {
  if (hooks.length > 0) hookProcesses.runHooks(kind, hooks, state, env);
}

/** poststop. [spec] A failing one is a warning, and the hooks after it still run. */
export function runLateHooks(kind: "poststop", hooks: readonly Hook[], state: State, globals: Globals): void {
  hooks.forEach((hook, i) => {
    try {
      hookProcesses.runHook(kind, hook, state);
    } catch (error) {
      globals.warn(`error running ${kind} hook #${i}`, error);
    }
  });
}
