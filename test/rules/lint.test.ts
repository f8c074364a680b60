// The bans of eslint.config.mjs: each refuses what it is for, with its reason, and leaves alone what looks like it.

import { before, describe, it } from "mocha";
import assert from "node:assert/strict";
import { ESLint } from "eslint";

describe("eslint.config.mjs", function () {
  this.timeout(30_000);
  let eslint: ESLint;
  before(() => {
    eslint = new ESLint();
  });

  async function messages(file: string, text: string): Promise<readonly string[]> {
    const [result] = await eslint.lintText(`${text}\n`, { filePath: file });
    return (result?.messages ?? []).map(({ message }) => message);
  }

  const room = "src/rootfs/example.ts";
  const refused: readonly (readonly [what: string, text: string, reason: RegExp, file?: string])[] = [
    ["an async function", "export async function f(): void {}", /one thread, one stack/],
    ["an async arrow", "export const f = async (): void => {};", /one thread, one stack/],
    ["await", "export const x = await 1;", /one thread, one stack/],
    ["a Promise", "export type P = Promise<void>;", /one thread, one stack/],
    ["any", "export function f(x: any): void {}", /turns the compiler off/],
    ["any in a type argument", "export const x = new Map<string, any>();", /turns the compiler off/],
    ["non-null !", "export const x = y!;", /claims what the compiler cannot see/],
    ["a default export", "export default 1;", /cannot be searched for/],
    ["a default export of a test", "export default 1;", /cannot be searched for/, "test/system/example.test.ts"],
    ["console", 'console.log("x");', /the engine has no console/],
    ["process", "process.exit(1);", /the engine has no process/],
    ["process.env", "export const x = process.env;", /the engine has no process/],
    ["setTimeout", "setTimeout(() => 0, 1);", /one thread, blocking calls/],
    ["1 << 31", "export const x = 1 << 31;", /negative in JavaScript/],
    ["1 << 31 in a test", "export const x = 1 << 31;", /negative in JavaScript/, "src/abi/example.test.ts"],
    ["an enum", "export enum E { A }", /a union of literals/],
    ["a namespace", "export namespace N { export const x = 1; }", /a file is a module/],
    ["a class that owns nothing", "export class C { f(): void {} }", /functions in disguise/],
    ["a class expression", "export const C = class { #a = 1; };", /functions in disguise/],
    ["as", "export const x = y as string;", /claims what nobody checked/],
    ["as of an object", "export const x = {} as T;", /claims what nobody checked/],
    ["an angle bracket assertion", "export const x = <string>y;", /claims what nobody checked/],
    ["a descriptor's number", "export const x = fd.raw;", /only sys\/ sees/],
    ["a type imported as a value", 'import { T } from "./t.ts";\nexport const x: T = 1;', /only used as types/],
    [
      "an import of nothing but inline types",
      'import { type T } from "./t.ts";\nexport const x: T = 1;',
      /side effect/,
    ],
    [
      "using in a loop that goes on after an error",
      "for (const path of paths) {\n  try {\n    using fd = open(path);\n    use(fd);\n  } catch {\n    continue;\n  }\n}",
      /thrown again by each later round/,
    ],
    [
      "using deep in a loop that goes on after an error",
      "while (true) {\n  try {\n    if (x) {\n      using fd = open(x);\n      use(fd);\n    }\n  } catch {\n    use(x);\n  }\n}",
      /thrown again by each later round/,
    ],
    [
      "using as the variable of a loop in such a loop",
      "do {\n  try {\n    for (using fd of fds) use(fd);\n  } catch {\n    use(x);\n  }\n} while (x);",
      /thrown again by each later round/,
    ],
    [
      "using in such a loop of a test",
      "for (const x of y) {\n  try {\n    using fd = open(x);\n    use(fd);\n  } catch {\n    use(x);\n  }\n}",
      /thrown again by each later round/,
      "test/system/example.test.ts",
    ],
    ["==", "export const x = y == 1;", /Expected '==='/],
  ];
  for (const [what, text, reason, file] of refused) {
    it(`refused: ${what}`, async () => {
      const found = await messages(file ?? room, text);
      assert.ok(
        found.some((message) => reason.test(message)),
        found.join("\n") || "nothing was found",
      );
    });
  }

  const allowed: readonly (readonly [what: string, text: string, file?: string])[] = [
    ["as const", "export const x = [1] as const;"],
    ["satisfies", "export const x = 1 satisfies number;"],
    ["JSON.parse of our own record", "export const x = JSON.parse(text) as Message;"],
    ["as in spec/", "export const x = y as string;", "src/spec/example.ts"],
    ["as in the brands", "export const x = y as string;", "src/base/brand.ts"],
    ["as and raw in sys/", "export const x = fd.raw as number;", "src/sys/example.ts"],
    [
      "process as a name of ours",
      "export function f(process: { readonly args: string[] }): string[] {\n  return process.args;\n}",
    ],
    ["a class that owns a descriptor", "export class Fd {\n  #raw = 1;\n}"],
    ["an error class", "export class E extends Error {}"],
    ["1 << 30", "export const x = 1 << 30;"],
    ["shifting right by 31", "export const x = y >>> 31;"],
    [
      "what tests need",
      'import assert from "node:assert/strict";\nconst x = y! as any;\nassert.ok(x);\nprocess.exit(1);',
      "src/rootfs/example.test.ts",
    ],
    ["using in a loop that ends with an error", "for (const x of y) {\n  using fd = open(x);\n  use(fd);\n}"],
    [
      "using around such a loop, and in its catch",
      "{\n  using fd = open(x);\n  for (const x of y) {\n    try {\n      use(fd);\n    } catch {\n      using other = open(x);\n      use(other);\n    }\n  }\n}",
    ],
    ["declare global", "declare global {\n  var host: number;\n}\nexport type H = 1;", "src/sys/host.ts"],
  ];
  for (const [what, text, file] of allowed) {
    it(`allowed: ${what}`, async () => {
      assert.deepEqual(await messages(file ?? room, text), []);
    });
  }
});
