// What the compiler does not see. Every ban says why; docs/ and CONTRIBUTING.md say what to do instead. No rule needs types, so that this
// stays a matter of seconds.
import tseslint from "typescript-eslint";

const everywhere = {
  eqeqeq: "error",
  "no-constant-condition": ["error", { checkLoops: false }],
  "no-debugger": "error",
  "no-dupe-else-if": "error",
  "no-dupe-keys": "error",
  "no-duplicate-case": "error",
  "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
  "no-empty": "error",
  "no-fallthrough": "error",
  "no-loss-of-precision": "error",
  "no-self-assign": "error",
  "no-self-compare": "error",
  "no-template-curly-in-string": "error",
  "no-throw-literal": "error",
  "no-unmodified-loop-condition": "error",
  "no-unreachable": "error",
  "no-unsafe-finally": "error",
  "no-useless-catch": "error",
  "no-useless-rename": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
};

const typescript = {
  ...everywhere,
  "@typescript-eslint/consistent-type-imports": [
    "error",
    { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
  ],
  "@typescript-eslint/no-import-type-side-effects": "error",
  "@typescript-eslint/no-require-imports": "error",
};

/** Names of Node and of browsers. The engine has none of them: what the compiler knows of them is for tests. */
const globals = {
  console: "the engine has no console; text goes out through cli/ or globals.debug and globals.warn",
  process: "the engine has no process: main.ts exits, cli/ reads the environment, sys/ does the rest",
  Buffer: "the engine has no Buffer: Struct, Uint8Array and host.encode",
  TextEncoder: "the engine has no TextEncoder: utf8 of sys/memory.ts",
  TextDecoder: "the engine has no TextDecoder: host.decode",
  URL: "the engine has no URL",
  Intl: "the engine has no Intl",
  require: "modules are ES modules; one that few commands need is imported with import defer",
  setTimeout: "one thread, blocking calls; poll(2) has a timeout",
  setInterval: "one thread, blocking calls; poll(2) has a timeout",
  queueMicrotask: "one thread, one stack",
  structuredClone: "the engine has no structuredClone",
};

const bans = {
  async: [
    ":function[async=true], AwaitExpression, ForOfStatement[await=true], Identifier[name='Promise']",
    "one thread, one stack: after clone3 the child goes on in the same code, and a pending promise would go on in both. Blocking calls, poll where two things can happen",
  ],
  any: [
    "TSAnyKeyword",
    "any turns the compiler off for whatever it touches; unknown, and a check, where data comes in",
  ],
  nonNull: [
    "TSNonNullExpression",
    "`!` claims what the compiler cannot see: make the type say it, or test for undefined",
  ],
  defaultExport: [
    "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
    "a default export has a different name in every file that imports it: it cannot be searched for",
  ],
  sign: [
    "BinaryExpression[operator='<<'][right.raw=/^(31|0x1f)$/i]",
    "1 << 31 is negative in JavaScript: write the flag in hex as the header does",
  ],
  enums: [
    "TSEnumDeclaration",
    "an enum is code that the compiler invents: a union of literals is a type and nothing else",
  ],
  namespaces: [
    "TSModuleDeclaration[kind!='global']",
    "a file is a module; a namespace is code that the compiler invents",
  ],
  classes: [
    "ClassDeclaration:not([superClass]):not(:has(PropertyDefinition > PrivateIdentifier)), ClassExpression",
    "classes are for what is owned and released (Fd, Undo) and for errors; a class that holds nothing of its own is functions in disguise",
  ],
  as: [
    "TSAsExpression:not([typeAnnotation.typeName.name='const']):not([expression.callee.object.name='JSON']):not([expression.callee.property.name='load']), TSTypeAssertion",
    "`as` claims what nobody checked: brands are made in base/brand.ts, documents decoded in spec/, C's answers read in sys/. Taken at their word: JSON.parse of what tsrun wrote, and its own modules",
  ],
  usingInLoop: [
    ":matches(ForStatement, ForInStatement, ForOfStatement, WhileStatement, DoWhileStatement) TryStatement[handler] > BlockStatement.block VariableDeclaration[kind=/using$/]",
    "esbuild (0.28) keeps the error of a block with `using` in a `var`, which the next round of the loop still finds: once caught, it is thrown again by each later round that went well. Make the block a function",
  ],
  raw: [
    "MemberExpression[property.name='raw'][object.type!='TaggedTemplateExpression']",
    "only sys/ sees a descriptor's number: a borrowed number may be closed, or already be another file",
  ],
};

/** The bans but those named. */
function banned(...allowed) {
  return [
    "error",
    ...Object.entries(bans)
      .filter(([name]) => !allowed.includes(name))
      .map(([, [selector, message]]) => ({ selector, message })),
  ];
}

export default tseslint.config(
  { ignores: ["build/", "node_modules/", "docs/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  { files: ["**/*.mjs"], rules: everywhere },
  { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs" }, rules: everywhere },
  {
    files: ["**/*.ts", "**/*.mts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      ...typescript,
      "no-restricted-syntax": [
        "error",
        ...[bans.defaultExport, bans.enums, bans.namespaces, bans.sign, bans.usingInLoop].map(
          ([selector, message]) => ({ selector, message }),
        ),
      ],
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["**/*.test.ts", "**/*.fixture.ts"],
    rules: {
      "no-restricted-globals": ["error", ...Object.entries(globals).map(([name, message]) => ({ name, message }))],
      "no-restricted-syntax": banned(),
    },
  },
  {
    files: ["src/base/brand.ts", "src/spec/**/*.ts"],
    ignores: ["**/*.test.ts", "**/*.fixture.ts"],
    rules: { "no-restricted-syntax": banned("as") },
  },
  { files: ["src/sys/**/*.ts"], ignores: ["**/*.test.ts"], rules: { "no-restricted-syntax": banned("as", "raw") } },
);
