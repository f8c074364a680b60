// The state that hooks read on stdin (runtime.md, State), and the hooks that run when a container is gone.

import { runHook } from "../hooks.ts";
import type { Hook, State, Status } from "../spec/types.ts";
import type { Globals } from "./globals.ts";

type Identity = Pick<State, "ociVersion" | "id" | "bundle" | "annotations">;

/** @param pid as the hook's own pid namespace sees it; 0 when there is no process any more */
export function hookState(container: Identity, status: Status, pid: number): State {
  const { ociVersion, id, bundle, annotations } = container;
  return { ociVersion, id, status, pid, bundle, annotations };
}

/** [spec] A failing poststop hook is a warning, and the hooks after it still run. */
export function runPoststopHooks(hooks: readonly Hook[], state: State, globals: Globals): void {
  hooks.forEach((hook, i) => {
    try {
      runHook(hook, state);
    } catch (error) {
      globals.warn(`error running poststop hook #${i}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}
