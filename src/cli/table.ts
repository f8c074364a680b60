// The command line as one table: the global options here, each command's options in its own module, and the words that describe
// them in texts.ts, whose type demands an entry for each. Parsing, help, manual pages and completions all read this table.
// This module is read at the start of every command, so it holds no text and loads the one command that was asked for.

import { load } from "../sys/host.ts";

/** What may follow a command's name with one dash or two. */
export type Option = {
  /** A boolean may do without a value, the others may not; a list may be given several times. */
  readonly type: "boolean" | "string" | "number" | "list";
  /** A second name of one letter. */
  readonly short?: string;
  /** The value when it is not given; without one a boolean is false, a list empty, the others undefined. */
  readonly default?: string | number;
};

export type Options = { readonly [name: string]: Option };

export type FlagValue = boolean | string | number | readonly string[] | undefined;

type ValueOf<O extends Option> = O["type"] extends "boolean"
  ? boolean
  : O["type"] extends "list"
    ? readonly string[]
    : | (O["type"] extends "number" ? number : string)
      | (O extends { readonly default: string | number } ? never : undefined);

/** The values of `O` after parsing. */
export type Values<O extends Options> = { readonly [Name in keyof O]: ValueOf<O[Name]> };

/** They stand before the command or, unless the command has an option of the same name, among its own. */
export const globalOptions = {
  root: { type: "string" },
  log: { type: "string" },
  "log-format": { type: "string", default: "text" },
  "log-level": { type: "string" },
  debug: { type: "boolean" },
  "systemd-cgroup": { type: "boolean" },
  "cgroup-manager": { type: "string" },
  rootless: { type: "string", default: "auto" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

export type GlobalFlags = Values<typeof globalOptions>;

/** What the module of a command exports. */
export type Command = {
  readonly options: Options;
  /** The least and the most words that it takes besides options. */
  readonly takes: readonly [least: number, most: number];
  /** After this many words nothing is an option any more; absent: options may stand anywhere. */
  readonly stopAfter?: number;
  /** The exit status when it throws, but for an error of the command line; absent: 1. */
  readonly failureStatus?: number;
  /** Known by name and options only. Its help fails as well: by that callers find out what a runtime can do (CLIENTS 6). */
  readonly notDone?: true;
  /** @param flags values of `options` @returns the exit status; nothing: 0 */
  run(flags: object, args: readonly string[], globalFlags: GlobalFlags): number | void;
};

export type Commands = {
  readonly checkpoint: typeof import("./checkpoint.ts");
  readonly create: typeof import("./create.ts");
  readonly delete: typeof import("./delete.ts");
  readonly doctor: typeof import("./doctor.ts");
  readonly events: typeof import("./events.ts");
  readonly exec: typeof import("./exec.ts");
  readonly features: typeof import("./features.ts");
  readonly help: typeof import("./help.ts");
  readonly kill: typeof import("./kill.ts");
  readonly list: typeof import("./list.ts");
  readonly mounts: typeof import("./mounts.ts");
  readonly pause: typeof import("./pause.ts");
  readonly plan: typeof import("./plan.ts");
  readonly ps: typeof import("./ps.ts");
  readonly restore: typeof import("./restore.ts");
  readonly resume: typeof import("./resume.ts");
  readonly run: typeof import("./run.ts");
  readonly spec: typeof import("./spec.ts");
  readonly start: typeof import("./start.ts");
  readonly state: typeof import("./state.ts");
  readonly update: typeof import("./update.ts");
  readonly validate: typeof import("./validate.ts");
};

export type CommandName = keyof Commands;

/** The module of a command, loaded now; undefined when there is no such command. */
export function findCommand(name: string): Command | undefined {
  switch (name) {
    case "checkpoint":
      return load<typeof import("./checkpoint.ts")>("cli/checkpoint");
    case "create":
      return load<typeof import("./create.ts")>("cli/create");
    case "delete":
      return load<typeof import("./delete.ts")>("cli/delete");
    case "doctor":
      return load<typeof import("./doctor.ts")>("cli/doctor");
    case "events":
      return load<typeof import("./events.ts")>("cli/events");
    case "exec":
      return load<typeof import("./exec.ts")>("cli/exec");
    case "features":
      return load<typeof import("./features.ts")>("cli/features");
    case "h":
    case "help":
      return load<typeof import("./help.ts")>("cli/help");
    case "kill":
      return load<typeof import("./kill.ts")>("cli/kill");
    case "list":
      return load<typeof import("./list.ts")>("cli/list");
    case "mounts":
      return load<typeof import("./mounts.ts")>("cli/mounts");
    case "pause":
      return load<typeof import("./pause.ts")>("cli/pause");
    case "plan":
      return load<typeof import("./plan.ts")>("cli/plan");
    case "ps":
      return load<typeof import("./ps.ts")>("cli/ps");
    case "restore":
      return load<typeof import("./restore.ts")>("cli/restore");
    case "resume":
      return load<typeof import("./resume.ts")>("cli/resume");
    case "run":
      return load<typeof import("./run.ts")>("cli/run");
    case "spec":
      return load<typeof import("./spec.ts")>("cli/spec");
    case "start":
      return load<typeof import("./start.ts")>("cli/start");
    case "state":
      return load<typeof import("./state.ts")>("cli/state");
    case "update":
      return load<typeof import("./update.ts")>("cli/update");
    case "validate":
      return load<typeof import("./validate.ts")>("cli/validate");
    default:
      return undefined;
  }
}
