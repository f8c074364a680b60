// schemas/*.json to code, with ajv, for src/spec: in DIR (build/gen unless told)
//
//   validate.js   isConfig, isProcess, isResources: yes or no, as little code as can be, for every container
//   explain.js    the same questions, and every error in the answer; loaded when the first said no
//   known.js      every property name the schemas know, for the finder of misspelt ones
//
//   node scripts/schemas.mjs [--out DIR]
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import AjvModule from "ajv";
import codeModule from "ajv/dist/compile/codegen/code.js";
import standaloneModule from "ajv/dist/standalone/index.js";
import * as esbuild from "esbuild";

const Ajv = AjvModule.default ?? AjvModule;
const standalone = standaloneModule.default ?? standaloneModule;
const { _, _Code } = codeModule;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: "string", default: join(root, "build/gen") } } });
const read = (file) => JSON.parse(readFileSync(join(root, "schemas", file), "utf8"));
const documents = ["defs.json", "config-linux.json", "config-schema.json"].map(read);

/** The documents one can ask about: name, schema, and the function in explain.js. */
const questions = [
  ["Config", "config-schema.json"],
  ["Process", "config-schema.json#/definitions/process"],
  ["Resources", "config-linux.json#/definitions/resources"],
];

// ---- our two keywords

/**
 * Draft-07 cannot say what a 64-bit integer is in a language whose numbers are doubles, so every integer with bounds becomes
 * `range: ["lowest", "highest"]`: a number that is exact, or a bigint, within the bounds. A number beyond 2^53 is refused: it
 * may have been rounded, and whoever asked must parse exactly and ask again. `if … else required` becomes `unless`.
 */
function toOurKeywords(schema) {
  if (typeof schema !== "object") return schema;
  const { minimum, maximum, if: condition, else: otherwise, description, title, ...out } = schema;
  if (schema.type === "integer") return { range: [exact(minimum), exact(maximum)].map(String) };
  for (const map of ["properties", "definitions"]) {
    if (out[map])
      out[map] = Object.fromEntries(Object.entries(out[map]).map(([name, value]) => [name, toOurKeywords(value)]));
  }
  for (const inside of ["items", "additionalProperties"]) if (out[inside]) out[inside] = toOurKeywords(out[inside]);
  if (condition) {
    const [[property, { const: value }]] = Object.entries(condition.properties);
    out.unless = { property, value, required: otherwise.required };
  }
  return out;
}

/** 2^63-1 and 2^64-1 come out of JSON.parse as 2^63 and 2^64: the only unsafe numbers in the schemas. */
function exact(number) {
  const value = BigInt(number);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? value - 1n : value;
}

const range = {
  keyword: "range",
  schemaType: "array",
  error: { params: ({ schema }) => _`{lowest: ${schema[0]}, highest: ${schema[1]}}` },
  code(cxt) {
    const { data, schema } = cxt;
    const [lowest, highest] = schema.map(BigInt);
    const within = (low, high) => _`${data} >= ${low} && ${data} <= ${high}`;
    const literal = (value) => new _Code(`${value}n`); // ajv's templates know no bigint
    if (highest <= BigInt(Number.MAX_SAFE_INTEGER)) {
      cxt.fail(_`!(typeof ${data} === "number" && ${data} % 1 === 0 && ${within(Number(lowest), Number(highest))})`);
    } else {
      const bigint = _`typeof ${data} === "bigint" && ${within(literal(lowest), literal(highest))}`;
      cxt.fail(
        lowest === 0n
          ? _`!(Number.isSafeInteger(${data}) ? ${data} >= 0 : ${bigint})`
          : _`!(Number.isSafeInteger(${data}) || ${bigint})`,
      );
    }
  },
};

const unless = {
  keyword: "unless",
  type: "object",
  schemaType: "object",
  error: { params: ({ params }) => _`{missingProperty: ${params.missing}}` },
  code(cxt) {
    const { data, schema, gen, it } = cxt;
    for (const name of schema.required) {
      cxt.setParams({ missing: name }, true);
      gen.if(_`${data}[${schema.property}] !== ${schema.value} && ${data}[${name}] === undefined`, () => cxt.error());
    }
    if (!it.opts.allErrors) cxt.ok(true);
  },
};

// ---- code

function compile(ajvOptions, prefix) {
  const ajv = new Ajv({
    schemas: documents.map(toOurKeywords),
    strict: true,
    strictTypes: false,
    messages: false,
    unicode: false, // lengths are only ever compared with 1
    unicodeRegExp: false,
    logger: false,
    code: { source: true, esm: true, lines: true },
    keywords: [range, unless],
    ...ajvOptions,
  });
  const code = standalone(ajv, Object.fromEntries(questions.map(([name, schema]) => [`${prefix}${name}`, schema])));
  if (/\brequire\(|new Function/.test(code)) throw new Error("schemas.mjs: ajv's code needs something at run time");
  return code.replaceAll(/new RegExp\(("(?:[^"\\]|\\.)*"), ""\)/g, (_all, source) =>
    String(new RegExp(JSON.parse(source))),
  );
}

/**
 * Takes the error objects out of ajv's code. It stops at the first error, so that every error is a `return false` and what ajv
 * counts in `errors` is always 0. Nothing but the lines named here may speak of errors, or this stops the build.
 */
function withoutErrors(code) {
  const dropped = new RegExp(
    "^(let (vErrors = null|errors = 0|missing\\d+)|const (_errs\\d+ = errors|schema\\d+ = .*)" +
      "|var valid\\d+ = .*|validate\\d+\\.errors = .*|vErrors = .*|errors = vErrors\\.length);$",
  );
  const out = [];
  for (const line of code.split("\n")) {
    if (dropped.test(line)) continue;
    out.push(
      line
        .replace(/^function (validate\d+)\(data, .*\)\{$/, "function $1(data){")
        .replace(/^if\((errors === (0|_errs\d+)|valid\d+)\)\{$/, "{")
        .replace(/^if\(!valid\d+\)\{$/, "if(false){")
        .replace(/^if\(!\((validate\d+)\((.+?), \{instancePath.*\}\)\)\)\{$/, "if(!$1($2)){return false;")
        .replaceAll(/ && \(missing\d+ = "\w+"\)/g, "")
        .replace(/^return errors === 0;$/, "return true;"),
    );
  }
  const text = out.join("\n");
  const left = /.*\b(vErrors|errors|_errs\d+|valid\d+|schema\d+|instancePath)\b.*/.exec(text);
  if (left) throw new Error(`schemas.mjs: cannot take the errors out of ajv's line ${left[0]}`);
  return text;
}

// ---- the names

/** Numbered tables of property names: each name stands for the number of the table of what is inside; the empty table 0 is for
 * what has no names, "*" for every name of a map. */
function knownNames() {
  const tables = [{}];
  const seen = new Map();
  const at = (reference, from) => {
    const [file, pointer = ""] = reference.split("#");
    const document = file === "" ? from : documents.find(({ $id }) => $id === file);
    return [
      pointer
        .split("/")
        .slice(1)
        .reduce((value, key) => value[key], document),
      document,
    ];
  };
  const number = (schema, document) => {
    if (schema === true) return 0;
    if (schema.$ref) return number(...at(schema.$ref, document));
    if (schema.items) return number(schema.items, document);
    if (!schema.properties && !schema.additionalProperties) return 0;
    if (!seen.has(schema)) {
      const table = {};
      seen.set(schema, tables.push(table) - 1);
      for (const [name, inside] of Object.entries(schema.properties ?? {})) table[name] = number(inside, document);
      if (schema.additionalProperties) table["*"] = number(schema.additionalProperties, document);
    }
    return seen.get(schema);
  };
  const start = Object.fromEntries(questions.map(([name, schema]) => [name, number(...at(schema))]));
  return { tables, start };
}

// ---- out

mkdirSync(options.out, { recursive: true });
const write = async (file, code, types) => {
  const made = "// made by scripts/schemas.mjs\n";
  const settings = { format: "esm", target: "es2022", minifySyntax: true, treeShaking: true };
  const { code: small } = await esbuild.transform(code, settings);
  writeFileSync(join(options.out, `${file}.js`), made + small);
  writeFileSync(join(options.out, `${file}.d.ts`), made + types);
};

await write(
  "validate",
  withoutErrors(compile({ inlineRefs: false }, "is")),
  questions.map(([name]) => `export declare function is${name}(json: unknown): boolean;\n`).join(""),
);
/** ajv notes every error of a document, 500 bytes each, in lists that it copies again and again. So many are kept. */
const NOTED_ERRORS = 1000;
function noteFewer(code) {
  const places = [
    [
      /else \{?\s*vErrors\.push\((err\d+)\);?\s*\}?/g,
      `else if (vErrors.length < ${NOTED_ERRORS}) { vErrors.push($1); }`,
    ],
    [
      /: vErrors\.concat\((validate\d+\.errors)\)/g,
      `: vErrors.length < ${NOTED_ERRORS} ? vErrors.concat($1) : vErrors`,
    ],
  ];
  return places.reduce((text, [place, fewer]) => {
    if (text.search(place) < 0) throw new Error("schemas.mjs: ajv's code notes its errors otherwise");
    return text.replaceAll(place, fewer);
  }, code);
}

await write(
  "explain",
  noteFewer(compile({ inlineRefs: false, allErrors: true }, "check")),
  `export type SchemaError = { instancePath: string; keyword: string; params: Record<string, unknown> };
export type Check = { (json: unknown): boolean; errors: SchemaError[] | null };
${questions.map(([name]) => `export declare const check${name}: Check;\n`).join("")}`,
);
const { tables, start } = knownNames();
await write(
  "known",
  // Without a prototype: a document's "constructor" is none of the names.
  `export const tables = ${JSON.stringify(tables).replaceAll("{", '{"__proto__":null,').replaceAll(",}", "}")};\nexport const start = ${JSON.stringify(start)};\n`,
  `export declare const tables: readonly { readonly [name: string]: number }[];
export declare const start: { ${questions.map(([name]) => `readonly ${name}: number`).join("; ")} };\n`,
);
