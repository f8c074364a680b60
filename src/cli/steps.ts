// What --debug and --trace say of steps: each that has ended, in our process and in the container's, with what it was about and how long it took.
// --trace writes them in Chrome's trace format, which chrome://tracing and ui.perfetto.dev show. Loaded when one of the two was asked for.

import { O_CREAT, O_TRUNC, O_WRONLY } from "../abi/fcntl.ts";
import { StepError } from "../base/errors.ts";
import type { StepListener, StepProcess } from "../runtime/globals.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import { countCalls, logSteps, type Span } from "../runtime/step.ts";
import { openat, writeAll } from "../sys/file.ts";
import { utf8 } from "../sys/memory.ts";
import { getpid } from "../sys/process.ts";
import { epochMs } from "../sys/time.ts";
import type { StepName } from "../runtime/steps.ts";
import defer * as callTrace from "../sys/call-trace.ts";
import defer * as explain from "../explain/steps.ts";

/** What a step is about, and which parts of config.json asked for it. */
type About = { readonly objects: readonly string[]; readonly pointers: readonly string[] };

/** One event of the trace; microseconds. */
type Event = { readonly [key: string]: unknown };

const THREADS: { readonly [process in StepProcess]: number } = { runtime: 1, init: 2, join: 2 };
const SHOWN_CHARACTERS = 160;

let about: ReadonlyMap<string, About> | undefined;
let events: Event[] | undefined;

/** @param debug takes a line for each step */
export function stepListener(debug: ((message: string) => void) | undefined): StepListener {
  const listener: StepListener = {
    planned: (plan) => (about = aboutSteps(plan)),
    ended: (process, span) => {
      const known = about?.get(span.name);
      debug?.(line(process, span, known));
      events?.push(eventOf(process, span, known));
    },
  };
  logSteps((span) => listener.ended("runtime", span));
  return listener;
}

function aboutSteps(plan: ContainerPlan): ReadonlyMap<string, About> {
  return new Map(
    explain.planSteps(plan).map(({ step, acts }) => [
      step,
      {
        objects: acts.map(({ text }) => text),
        pointers: [...new Set(acts.map(({ why }) => why).filter((why) => why !== "default"))],
      },
    ]),
  );
}

function line(process: StepProcess, { name, ms }: Span, known: About | undefined): string {
  const objects = known?.objects.join("; ") ?? "";
  const shown = objects.length > SHOWN_CHARACTERS ? `${objects.slice(0, SHOWN_CHARACTERS)}…` : objects;
  const who = process === "runtime" ? "" : `${process}: `;
  return `${who}${name}: ${ms.toFixed(3)} ms${shown === "" ? "" : ` (${shown})`}`;
}

function eventOf(process: StepProcess, { name, atMs, ms, calls }: Span, known: About | undefined): Event {
  return {
    name,
    cat: process,
    ph: "X",
    ts: atMs * 1000,
    dur: ms * 1000,
    pid: 1,
    tid: THREADS[process],
    args: {
      ...(known !== undefined && known.pointers.length > 0 && { pointer: known.pointers.join(", ") }),
      ...(known !== undefined && known.objects.length > 0 && { objects: known.objects }),
      ...(calls !== undefined && { calls }),
    },
  };
}

/** Runs a command and writes its trace, also when it fails. @throws StepError when the file cannot be written */
export function traced<T>(path: string, command: string, run: () => T): T {
  using file = openTrace(path);
  const recorded: Event[] = (events = []);
  const take = callTrace.traceCalls();
  countCalls(take);
  stepListener(undefined);
  const atMs = epochMs();
  try {
    return run();
  } finally {
    const calls = take(0); // those of no step
    const whole: Event = {
      name: command,
      cat: "command",
      ph: "X",
      ts: atMs * 1000,
      dur: (epochMs() - atMs) * 1000,
      pid: 1,
      tid: THREADS.runtime,
      args: { calls },
    };
    writeAll(
      file,
      utf8(`${JSON.stringify({ displayTimeUnit: "ms", traceEvents: [...names(), whole, ...recorded] })}\n`),
      path,
    );
  }
}

function openTrace(path: string): ReturnType<typeof openat> {
  try {
    return openat(null, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
  } catch (error) {
    throw new StepError("open the trace" satisfies StepName, error, "--trace");
  }
}

const names = (): readonly Event[] => [
  { name: "process_name", ph: "M", pid: 1, args: { name: `tsrun, process ${getpid()}` } },
  { name: "thread_name", ph: "M", pid: 1, tid: 1, args: { name: "tsrun" } },
  { name: "thread_name", ph: "M", pid: 1, tid: 2, args: { name: "the process in the container" } },
];
