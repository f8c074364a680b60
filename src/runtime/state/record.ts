// The content of state.json, decoded like any input: a disk that was full, an older tsrun or an administrator may have left something else. Pure.

import type { Hook } from "../../spec/types.ts";
import type { ContainerRecord } from "./store.ts";

const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isAbsolute = (value: unknown): boolean => isText(value) && value.startsWith("/");
const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);

const isGroup = (value: unknown): boolean =>
  isObject(value) &&
  isListOf(value["controllers"], isText) &&
  isAbsolute(value["path"]) &&
  (value["found"] === undefined || value["found"] === true);

const isHook = (value: unknown): boolean =>
  isObject(value) &&
  isAbsolute(value["path"]) &&
  isListOf(value["args"], isText) &&
  (value["env"] === undefined || isListOf(value["env"], isText)) &&
  (value["timeout"] === undefined || isCount(value["timeout"]));
const areHooks = (value: unknown): value is readonly Hook[] => isListOf(value, isHook);

type Guards = {
  readonly [Field in keyof ContainerRecord]-?: (value: unknown) => value is ContainerRecord[Field];
};

const GUARDS: Guards = {
  ociVersion: isText,
  id: isText,
  bundle: isText,
  rootfs: isText,
  annotations: (value): value is ContainerRecord["annotations"] =>
    isObject(value) && Object.values(value).every(isText),
  created: isText,
  owner: isCount,
  pid: (value): value is number => isCount(value) && value <= 0x7fff_ffff,
  startTime: (value): value is string => isText(value) && /^\d*$/.test(value),
  cgroup: (value): value is ContainerRecord["cgroup"] => value === undefined || isListOf(value, isGroup),
  systemdUnit: (value): value is ContainerRecord["systemdUnit"] =>
    value === undefined || (isObject(value) && isText(value["name"]) && isFlag(value["user"])),
  intelRdt: (value): value is ContainerRecord["intelRdt"] =>
    value === undefined ||
    (isObject(value) &&
      isAbsolute(value["group"]) &&
      (value["monitoring"] === undefined || isAbsolute(value["monitoring"])) &&
      isListOf(value["remove"], isAbsolute)),
  keyring: isFlag,
  sharedPid: isFlag,
  streams: (value): value is ContainerRecord["streams"] => value === undefined || isListOf(value, isText),
  timeNamespace: (value): value is ContainerRecord["timeNamespace"] => value === undefined || isFlag(value),
  poststart: areHooks,
  poststop: areHooks,
};

const FIELDS = [
  "ociVersion",
  "id",
  "bundle",
  "rootfs",
  "annotations",
  "created",
  "owner",
  "pid",
  "startTime",
  "cgroup",
  "systemdUnit",
  "intelRdt",
  "keyring",
  "sharedPid",
  "streams",
  "timeNamespace",
  "poststart",
  "poststop",
] as const satisfies readonly (keyof ContainerRecord)[];

/** The record in `text`, or what is wrong with it in words. */
export function decodeRecord(text: string, id: string): ContainerRecord | string {
  let json: Partial<ContainerRecord> | null;
  try {
    json = JSON.parse(text) as Partial<ContainerRecord> | null;
  } catch {
    return "it is no JSON";
  }
  if (!isObject(json)) return "it is no object";
  if (isRecord(json)) return json.id === id ? json : "it is of another container";
  const field = FIELDS.find((name) => !GUARDS[name](json[name]));
  return `/${field} is ${json[field ?? "id"] === undefined ? "missing" : "of another form"}`;
}

const isRecord = (json: Partial<ContainerRecord>): json is ContainerRecord =>
  FIELDS.every((name) => GUARDS[name](json[name]));

/** What a damaged record still says: the fields that have their form, also of a file that ends in the middle. Nothing of one that is another container's. */
export function salvageFields(text: string, id: string): Partial<ContainerRecord> {
  const json = beginningOf(text);
  if (json["id"] !== id) return {};
  return Object.fromEntries(
    FIELDS.flatMap((name) => (json[name] !== undefined && GUARDS[name](json[name]) ? [[name, json[name]]] : [])),
  );
}

/** The object in `text`; of one that is cut off, its whole members. */
function beginningOf(text: string): { readonly [name: string]: unknown } {
  for (const whole of [text, `${text.slice(0, endOfLastMember(text))}}`]) {
    try {
      const json: unknown = JSON.parse(whole);
      if (isObject(json)) return json;
    } catch {
      // cut off, or damaged in another way
    }
  }
  return {};
}

function endOfLastMember(text: string): number {
  let end = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString && char === "\\") at++;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === "," && depth === 1) end = at;
  }
  return end;
}
