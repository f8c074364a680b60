// The unit that holds a container's cgroups: started with the container's first process in it, changed, joined, stopped. One connection,
// one call and one wait for each. Loaded when --systemd-cgroup asked for a unit, or a container has one.

import { EAGAIN, ECONNREFUSED, ENOENT, ETIMEDOUT } from "../abi/errno.ts";
import type { HostPid } from "../base/brand.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { getenv } from "../sys/environ.ts";
import { readFile } from "../sys/file.ts";
import { lstatIfThere } from "../sys/stat.ts";
import { Body, Bus, DBusError, type Call, type Message } from "../sys/dbus.ts";
import { monotonicMs, sleepMs } from "../sys/time.ts";
import { parseOwn } from "./mounts.ts";
import type { SystemdUnit } from "./plan.ts";
import type { UnitPlan, UnitProperty } from "./systemd-plan.ts";
import { isList, split, type Value, type Variant } from "./gvariant.ts";

const SYSTEMD = "org.freedesktop.systemd1";
const PATH = "/org/freedesktop/systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";

/** How long systemd may take for a unit, as with runc. */
const JOB_TIMEOUT_MS = 30_000;

/** @throws HostError in runc's words */
export function requireSystemd(): void {
  if (lstatIfThere(null, "/run/systemd/system") === undefined)
    throw new HostError(
      "systemd cgroup flag passed, but systemd support for managing cgroups is not available: systemd is not running on this host",
    );
}

// ---- the life of a unit

/**
 * Starts the unit with the process in it.
 * @returns its cgroup, from the root of the hierarchies as we see them
 * @throws StepError when systemd refuses, fails or takes too long; then nothing of the unit is left
 */
export function startUnit(plan: UnitPlan, pid: HostPid): string {
  using bus = connect(plan);
  const job = new Jobs(bus);
  try {
    const result = job.finish(startTransient(bus, plan, pid), plan.name, "create");
    if (result !== "done") throw new HostError(`error creating systemd unit \`${plan.name}\`: got \`${result}\``);
    return plan.kind === "slice" ? plan.cgroup : groupOf(plan, pid);
  } catch (error) {
    if (!isUnitExists(error)) stopQuietly(bus, plan); // one that exists is somebody else's
    throw new StepError(`start unit ${plan.name}`, error, plan.why);
  }
}

const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 160;

/** @returns the job's path */
function startTransient(bus: Bus, plan: UnitPlan, pid: HostPid): string {
  let properties = plan.properties;
  for (let pause = FIRST_LOOK_MS; ;) {
    try {
      return askForTransient(bus, plan, properties, pid);
    } catch (error) {
      if (isUnitExists(error) && pause <= LAST_LOOK_MS) {
        resetFailed(bus, plan.name); // perhaps one that failed, and is kept so that somebody looks at it; systemd forgets it a little later
        sleepMs(pause);
        pause *= 2;
        continue;
      }
      const rest = without(properties, error);
      if (rest === undefined) throw blame(properties, error);
      properties = rest;
    }
  }
}

function askForTransient(
  bus: Bus,
  { name, kind }: UnitPlan,
  properties: readonly UnitProperty[],
  pid: HostPid,
): string {
  const body = withTexts(name, "replace");
  appendProperties(
    body,
    kind === "scope" ? [...properties, { name: "PIDs", value: { signature: "au", value: [pid] } }] : properties,
  );
  body.append("a", "(sa(sv))", () => undefined);
  return ask(bus, "StartTransientUnit", name, body).readText();
}

const UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists";
const NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit";

const isUnitExists = (error: unknown): boolean => error instanceof DBusError && error.code === UNIT_EXISTS;

/** The properties without the one that systemd refuses, when that one may be left out. */
function without(properties: readonly UnitProperty[], error: unknown): readonly UnitProperty[] | undefined {
  const refused = refusedOf(properties, error);
  return refused?.optional === true ? properties.filter(({ name }) => name !== refused.name) : undefined;
}

/** [systemd] "Cannot set property X, or unknown property.", "Value specified in X is out of range", … */
function refusedOf(properties: readonly UnitProperty[], error: unknown): UnitProperty | undefined {
  if (!(error instanceof DBusError)) return undefined;
  const words = error.text.split(/[^A-Za-z]+/);
  return properties.findLast(
    ({ name }) => words.includes(name) || (name.endsWith("USec") && words.includes(`${name.slice(0, -4)}Sec`)),
  );
}

const WRONG_TYPE: readonly string[] = [
  "System.Error.ENXIO",
  "System.Error.EBADMSG",
  "org.freedesktop.DBus.Error.InvalidArgs",
];

/** The error with the property that it is about. */
function blame(properties: readonly UnitProperty[], error: unknown): unknown {
  const refused = refusedOf(properties, error);
  if (refused !== undefined) return new StepError(`set property ${refused.name}`, error, refused.why);
  // [systemd] A value of another type ends the reading of the whole message, and which one it was is not told. Ours have the right ones.
  const given = properties.filter(({ why }) => why.startsWith("/annotations/"));
  const names = given.map(({ name, value }) => `${name} (given as "${value.signature}")`).join(", ");
  const wrongType = error instanceof DBusError && WRONG_TYPE.includes(error.code);
  return wrongType && given.length > 0
    ? new StepError(
        `set property ${names}, of which one has a type that systemd does not take`,
        error,
        given.length === 1 ? given[0]?.why : undefined,
      )
    : error;
}

/** @see proc_pid_cgroup(5) */
function groupOf(plan: UnitPlan, pid: HostPid): string {
  const groups = parseOwn(readFile(null, `/proc/${pid}/cgroup`));
  const path =
    (groups.find(({ name }) => name === "name=systemd") ?? groups.find(({ name }) => name === ""))?.path ?? "";
  if (!path.endsWith(`/${plan.name}`))
    throw new HostError(
      `the unit ${plan.name} lies outside of our cgroup namespace, or our process was moved out of it`,
    );
  return path;
}

/** Changes limits of a unit that runs, until the next boot. Those that systemd does not know are left to the files. */
export function setUnitProperties(unit: SystemdUnit, limits: readonly UnitProperty[]): void {
  if (limits.length === 0) return;
  using bus = connect(unit);
  for (
    let properties: readonly UnitProperty[] | undefined = limits;
    properties !== undefined && properties.length > 0;
  ) {
    try {
      return askForProperties(bus, unit, properties);
    } catch (error) {
      const rest = without(properties, error);
      if (rest === undefined) throw new StepError(`set properties of unit ${unit.name}`, blame(properties, error));
      properties = rest;
    }
  }
}

function askForProperties(bus: Bus, { name }: SystemdUnit, properties: readonly UnitProperty[]): void {
  const body = withTexts(name);
  body.appendNumber("b", true);
  appendProperties(body, properties);
  ask(bus, "SetUnitProperties", name, body);
}

/**
 * Moves the calling process into the unit: by systemd, where the kernel does not let us do it ourselves.
 * @param subgroup "" or a path below the unit's group, "/x"
 */
export function joinUnit(unit: SystemdUnit, subgroup: string): void {
  using bus = connect(unit);
  const body = withTexts(unit.name, subgroup);
  body.append("a", "u", () => body.appendNumber("u", 0)); // the caller, whatever its number is where systemd sees it
  ask(bus, "AttachProcessesToUnit", unit.name, body);
}

/** Stops the unit and has systemd forget it. What is gone already is well. @throws StepError */
export function stopUnit(unit: SystemdUnit, groups: readonly { readonly path: string }[]): void {
  if (isForgotten(unit, groups)) return;
  using bus = connect(unit);
  try {
    stop(bus, unit);
  } catch (error) {
    throw new StepError(`stop unit ${unit.name}`, error);
  }
}

/** What the system's manager knows of a transient unit is in a file, and is so even when it has failed: without it there is nothing to ask for. */
function isForgotten({ name, user }: SystemdUnit, groups: readonly { readonly path: string }[]): boolean {
  const there = (path: string): boolean => lstatIfThere(null, path) !== undefined;
  return (
    !user &&
    there("/run/systemd/transient") &&
    !there(`/run/systemd/transient/${name}`) &&
    !groups.some(({ path }) => there(path))
  );
}

function stop(bus: Bus, { name }: SystemdUnit): void {
  const jobs = new Jobs(bus);
  try {
    jobs.finish(ask(bus, "StopUnit", name, withTexts(name, "replace")).readText(), name, "remove"); // one that failed is reset below, and its cgroup is looked at by the caller
  } catch (error) {
    if (!(error instanceof DBusError) || error.code !== NO_SUCH_UNIT) throw error;
  }
  resetFailed(bus, name);
}

/** Beside an error that says more. */
function stopQuietly(bus: Bus, unit: SystemdUnit): void {
  try {
    stop(bus, unit);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** [systemd] A unit that failed is kept until this. */
function resetFailed(bus: Bus, name: string): void {
  try {
    ask(bus, "ResetFailedUnit", name, withTexts(name));
  } catch (error) {
    if (!(error instanceof DBusError)) throw error; // it is not there any more: that is what was wanted
  }
}

/** Waits for jobs of systemd. Made before they are: their end might be told at once. */
class Jobs {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
    // On a connection of our own systemd tells us unasked, and refuses this without harm.
    bus.send(
      {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        sender: "org.freedesktop.DBus",
        member: "AddMatch",
      },
      withTexts(`type='signal',sender='${SYSTEMD}',interface='${MANAGER}',member='JobRemoved',path='${PATH}'`),
    );
  }

  /** @returns "done", "failed", "canceled", "timeout", "dependency", "skipped" @throws HostError after 30 seconds */
  finish(job: string, unit: string, act: string): string {
    try {
      for (const end = monotonicMs() + JOB_TIMEOUT_MS; ;) {
        const result = resultOf(this.#bus.receive(end - monotonicMs(), `job of ${unit}`), job);
        if (result !== undefined) return result;
      }
    } catch (error) {
      if (isErrno(error, ETIMEDOUT)) throw new HostError(`Timeout waiting for systemd to ${act} ${unit}`);
      throw error;
    }
  }
}

/** What the signal says of this job: (u id, o job, s unit, s result). */
function resultOf(signal: Message, job: string): string | undefined {
  if (!signal.isSignal(MANAGER, "JobRemoved")) return undefined;
  signal.readUint32();
  if (signal.readText() !== job) return undefined;
  signal.readText();
  return signal.readText();
}

// ---- the connection

/** True when it was not systemd that failed, but the way to it. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof StepError && (error.step === CONNECT_SYSTEM || error.step === CONNECT_USER);

/** The step in which systemd may not be there. */
export type ConnectionStep = typeof CONNECT_SYSTEM | typeof CONNECT_USER;

const PRIVATE = "/run/systemd/private";
const CONNECT_SYSTEM = "connect to systemd";
const CONNECT_USER = "connect to the user's systemd";
const TRIES = 7;
const FIRST_PAUSE_MS = 100;

/** @throws StepError */
function connect({ user }: SystemdUnit): Bus {
  requireSystemd();
  for (let tries = 1, pause = FIRST_PAUSE_MS; ; tries++, pause *= 2) {
    try {
      return user ? connectUser() : connectSystem();
    } catch (error) {
      if (!isErrno(error, EAGAIN) || tries === TRIES) throw new StepError(user ? CONNECT_USER : CONNECT_SYSTEM, error); // EAGAIN: many others are about to
      sleepMs(pause);
    }
  }
}

/** systemd's own socket needs no bus, which may not be running or be slow; but it may not be where we are, and is only for root. */
const connectSystem = (): Bus =>
  directOr(PRIVATE, getenv("DBUS_SYSTEM_BUS_ADDRESS") ?? "unix:path=/run/dbus/system_bus_socket");

function connectUser(): Bus {
  const runtime = getenv("XDG_RUNTIME_DIR") ?? "";
  const address = getenv("DBUS_SESSION_BUS_ADDRESS") ?? "";
  if (address !== "") return Bus.at(address);
  if (runtime === "")
    throw new HostError(
      "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set: nothing leads to the user's systemd",
    );
  return directOr(`${runtime}/systemd/private`, `unix:path=${runtime}/bus`);
}

function directOr(socket: string, address: string): Bus {
  try {
    return Bus.direct(socket);
  } catch (error) {
    if (isErrno(error, ENOENT, ECONNREFUSED)) return Bus.at(address);
    throw error;
  }
}

// ---- calls

function ask(bus: Bus, member: string, unit: string, body: Body): Message {
  const call: Call = { destination: SYSTEMD, path: PATH, sender: MANAGER, member };
  return bus.call(call, body, `${member} ${unit}`);
}

function withTexts(...texts: readonly string[]): Body {
  const body = new Body();
  for (const one of texts) body.appendText("s", one);
  return body;
}

function appendProperties(
  message: Body,
  properties: readonly { readonly name: string; readonly value: Variant }[],
): void {
  message.append("a", "(sv)", () => {
    for (const { name, value } of properties) {
      message.append("r", "sv", () => {
        message.appendText("s", name);
        appendVariant(message, value);
      });
    }
  });
}

function appendVariant(message: Body, { signature, value }: Variant): void {
  message.append("v", signature, () => appendValue(message, signature, value));
}

function appendValue(message: Body, signature: string, value: Value): void {
  const letter = signature.charAt(0);
  if (typeof value === "string") {
    if (letter === "s" || letter === "o" || letter === "g") message.appendText(letter, value);
  } else if (typeof value !== "object") message.appendNumber(letter, value);
  else if (!isList(value)) appendVariant(message, value);
  else if (letter === "a") {
    const element = signature.slice(1);
    message.append("a", element, () => value.forEach((each) => appendValue(message, element, each)));
  } else {
    const types = split(signature.slice(1, -1));
    message.append(letter === "{" ? "e" : "r", types.join(""), () =>
      value.forEach((member, i) => appendValue(message, types[i] ?? "", member)),
    );
  }
}
