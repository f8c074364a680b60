// Explicit resource management for an engine that has no Symbol.dispose: import this before any class that owns something.
// Undo is acquisition in reverse: everything acquired goes on one Undo; success is `move()`.

if (!Symbol.dispose) Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });

/** A stack of undo actions, run last first when disposed. What `move` took away is no longer undone. */
export class Undo {
  #actions: { readonly what: string; readonly act: () => void }[] = [];
  #failed = false;
  readonly #warn: (what: string, error: unknown) => void;

  /** @param warn hears of each undo that fails; the others still run */
  constructor(warn: (what: string, error: unknown) => void) {
    this.#warn = warn;
  }

  /** True once an undo has failed. */
  get failed(): boolean {
    return this.#failed;
  }

  defer(what: string, act: () => void): void {
    this.#actions.push({ what, act });
  }

  use<T extends Disposable>(what: string, resource: T): T {
    this.defer(what, () => resource[Symbol.dispose]());
    return resource;
  }

  /** What was acquired stays: nothing is undone any more. */
  move(): void {
    this.#actions = [];
  }

  [Symbol.dispose](): void {
    for (let action = this.#actions.pop(); action; action = this.#actions.pop()) {
      try {
        action.act();
      } catch (error) {
        this.#failed = true;
        this.#warn(action.what, error);
      }
    }
  }
}
