// The command line as one table: the global options here, each command's options in its own module, and the words that describe
// them in texts.ts, whose type demands an entry for each. Parsing, help, manual pages and completions all read this table.
// This module is read at the start of every command, so it holds no text and loads the one command that was asked for.

import defer * as checkpoint from "./checkpoint.ts";
import defer * as console from "./console.ts";
import defer * as inspect from "./inspect.ts";
import defer * as create from "./create.ts";
import defer * as deletion from "./delete.ts";
import defer * as doctor from "./doctor.ts";
import defer * as events from "./events.ts";
import defer * as exec from "./exec.ts";
import defer * as features from "./features.ts";
import defer * as help from "./help.ts";
import defer * as kill from "./kill.ts";
import defer * as list from "./list.ts";
import defer * as mounts from "./mounts.ts";
import defer * as pause from "./pause.ts";
import defer * as plan from "./plan.ts";
import defer * as ps from "./ps.ts";
import defer * as restore from "./restore.ts";
import defer * as resume from "./resume.ts";
import defer * as run from "./run.ts";
import defer * as spec from "./spec.ts";
import defer * as start from "./start.ts";
import defer * as state from "./state.ts";
import defer * as update from "./update.ts";
import defer * as validate from "./validate.ts";

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
  trace: { type: "string" },
  "systemd-cgroup": { type: "boolean" },
  "cgroup-manager": { type: "string" },
  rootless: { type: "string", default: "auto" },
  criu: { type: "string" },
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
  /** @param flags values of `options` @returns the exit status; nothing: 0 */
  run(flags: object, args: readonly string[], globalFlags: GlobalFlags): number | void;
};

export type Commands = {
  readonly checkpoint: typeof import("./checkpoint.ts");
  readonly console: typeof import("./console.ts");
  readonly create: typeof import("./create.ts");
  readonly delete: typeof import("./delete.ts");
  readonly doctor: typeof import("./doctor.ts");
  readonly events: typeof import("./events.ts");
  readonly exec: typeof import("./exec.ts");
  readonly features: typeof import("./features.ts");
  readonly help: typeof import("./help.ts");
  readonly inspect: typeof import("./inspect.ts");
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
      return checkpoint;
    case "console":
      return console;
    case "create":
      return create;
    case "delete":
      return deletion;
    case "doctor":
      return doctor;
    case "events":
      return events;
    case "exec":
      return exec;
    case "features":
      return features;
    case "h":
    case "help":
      return help;
    case "inspect":
      return inspect;
    case "kill":
      return kill;
    case "list":
      return list;
    case "mounts":
      return mounts;
    case "pause":
      return pause;
    case "plan":
      return plan;
    case "ps":
      return ps;
    case "restore":
      return restore;
    case "resume":
      return resume;
    case "run":
      return run;
    case "spec":
      return spec;
    case "start":
      return start;
    case "state":
      return state;
    case "update":
      return update;
    case "validate":
      return validate;
    default:
      return undefined;
  }
}
