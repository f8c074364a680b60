// schemas/*.json to TypeScript: types of config.json, state and features, with the schemas' descriptions as docblocks.
// json-schema-to-typescript was tried: it repeats each named list once a use and gives every object an index signature, which
// takes the compiler's word on misspelt names away.
//
//   node scripts/library-types.mjs --out FILE
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { out: { type: "string" } } });
const schemas = join(dirname(dirname(fileURLToPath(import.meta.url))), "schemas");
const documents = new Map();

function document(name) {
  if (!documents.has(name)) documents.set(name, JSON.parse(readFileSync(join(schemas, name), "utf8")));
  return documents.get(name);
}

/** The exported type of each schema that has a name of its own. Everything else is written out where it is used. */
const named = [
  ["Config", "config-schema.json", ""],
  ["Process", "config-schema.json", "/definitions/process"],
  ["Rlimit", "config-schema.json", "/definitions/rlimit"],
  ["Mount", "config-schema.json", "/definitions/mount"],
  ["Hook", "config-schema.json", "/definitions/hook"],
  ["Linux", "config-linux.json", ""],
  ["Namespace", "config-linux.json", "/definitions/namespace"],
  ["TimeOffset", "config-linux.json", "/definitions/timeOffset"],
  ["Device", "config-linux.json", "/definitions/device"],
  ["NetDevice", "config-linux.json", "/definitions/netDevice"],
  ["Resources", "config-linux.json", "/definitions/resources"],
  ["DeviceRule", "config-linux.json", "/definitions/deviceRule"],
  ["WeightDevice", "config-linux.json", "/definitions/weightDevice"],
  ["ThrottleDevice", "config-linux.json", "/definitions/throttleDevices/items"],
  ["RdmaLimit", "config-linux.json", "/definitions/rdmaLimit"],
  ["Seccomp", "config-linux.json", "/definitions/seccomp"],
  ["SeccompAction", "config-linux.json", "/definitions/seccompAction"],
  ["SeccompRule", "config-linux.json", "/definitions/seccompRule"],
  ["SeccompArg", "config-linux.json", "/definitions/seccompArg"],
  ["IdMapping", "defs.json", "/definitions/idMapping"],
  ["State", "state-schema.json", ""],
  ["Features", "features-schema.json", ""],
].map(([name, file, pointer]) => ({ name, file, schema: at(document(file), pointer) }));

function at(schema, pointer) {
  return pointer
    .split("/")
    .slice(1)
    .reduce((value, key) => value[key], schema);
}

function resolve(reference, file) {
  const [target, pointer = ""] = reference.split("#");
  const name = target === "" ? file : target;
  return { schema: at(document(name), pointer), file: name };
}

/** The type of `schema` as an expression. @param indent what stands before the closing brace */
function typeOf(schema, file, indent, isTop = false) {
  const own = named.find((one) => one.schema === schema);
  if (own && !isTop) return own.name;
  if (schema.$ref) {
    const { schema: target, file: home } = resolve(schema.$ref, file);
    return typeOf(target, home, indent);
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "string") return "string";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "integer")
    return schema.minimum < Number.MIN_SAFE_INTEGER || schema.maximum > Number.MAX_SAFE_INTEGER ? "Int64" : "number";
  if (schema.type === "array") return listOf(typeOf(schema.items, file, indent));
  if (schema.additionalProperties)
    return `{ readonly [name: string]: ${typeOf(schema.additionalProperties, file, indent)} }`;
  if (schema.type === "object" && schema.properties) return objectOf(schema, file, indent);
  return "unknown";
}

const listOf = (item) => `readonly ${/[ {]/.test(item) ? `(${item})` : item}[]`;

function objectOf({ properties, required = [] }, file, indent) {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? "" : "?";
    const type = typeOf(schema, file, inner);
    const orAbsent = mark === "" || type === "unknown" ? "" : " | undefined";
    return `${docblock(schema.description, inner)}${inner}readonly ${name}${mark}: ${type}${orAbsent};\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

const docblock = (text, indent) => (text ? `${indent}/** ${text.replaceAll("*/", "*\\/")} */\n` : "");

const parts = named.map(
  ({ name, file, schema }) =>
    `${docblock(schema.description ?? schema.title, "")}export type ${name} = ${typeOf(schema, file, "", true)};\n`,
);
const text = `// made by scripts/library-types.mjs from schemas/

/** An integer of 64 bits: a bigint where a number would not be exact. */
export type Int64 = number | bigint;

${parts.join("\n")}`;
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, text);
