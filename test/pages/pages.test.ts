// Manual pages and completions: made of the table of commands, and taken by the programs that read them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { bashCompletion, fishCompletion, zshCompletion } from "../../src/cli/pages/completions.ts";
import { manPages } from "../../src/cli/pages/man.ts";
import { shownCommands, shownGlobals } from "../../src/cli/pages/table.ts";

const pages = manPages({ version: "1.2.3", date: "2026-01-31" });
const commands = shownCommands();

/** A test that needs a program which not every machine has. */
const itWith =
  (program: string) =>
  (title: string, test: () => void): void => {
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) it(title, test);
    else it.skip(`${title} (${program} is not installed)`, test);
  };

let folder = "";
before(() => (folder = mkdtempSync(join(tmpdir(), "tsrun-pages-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe("manual pages", () => {
  it("are one for the program and one for each command, with all of its options", () => {
    assert.deepEqual(
      pages.map((page) => page.file),
      ["tsrun.8", ...commands.map(({ name }) => `tsrun-${name}.8`)],
    );
    for (const { name, options } of commands) {
      const { text } = pages.find((page) => page.file === `tsrun-${name}.8`) ?? assert.fail(name);
      for (const option of options)
        assert(text.includes(`\\fB\\-\\-${option.name.replaceAll("-", "\\-")}\\fR`), `${name} --${option.name}`);
    }
    const [{ text } = assert.fail()] = pages;
    for (const { name } of shownGlobals()) assert(text.includes(`\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`), name);
    for (const { name } of commands) assert(text.includes(`.BR tsrun\\-${name.replaceAll("-", "\\-")} (8)`), name);
  });

  it("no line is a request by accident", () => {
    for (const { text } of pages)
      for (const line of text.split("\n"))
        assert.match(line, /^(\.(TH|SH|TP|PP|B|BR|I|RS|RE|nf|fi|\\")( |$)|[^.'])|^$/, line);
  });

  itWith("man")("are taken by man(1) without a warning", () => {
    for (const page of pages) {
      const { stdout, stderr } = spawnSync("man", ["--warnings", "-l", file(page.file, page.text)], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", MANPAGER: "cat", MANWIDTH: "80" },
      });
      assert.equal(stderr, "", page.file);
      assert.match(stdout, /NAME/);
      assert.doesNotMatch(stdout, /PROGRAM/);
    }
  });

  itWith("mandoc")("are taken by mandoc -Tlint without a warning", () => {
    for (const page of pages)
      assert.equal(
        spawnSync("mandoc", ["-Tlint", "-Wwarning", file(page.file, page.text)], { encoding: "utf8" }).stdout,
        "",
      );
  });
});

describe("completions", () => {
  /** What bash offers for the last of these words. */
  function bash(...words: string[]): string[] {
    const script = `source ${file("completion.bash", bashCompletion())}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: folder }).split("\n").filter(Boolean);
  }

  it("for bash know commands, options of the program and of each command, and fixed values", () => {
    assert.deepEqual(
      bash("tsrun", ""),
      commands.map(({ name }) => name),
    );
    assert.deepEqual(bash("tsrun", "cr"), ["create"]);
    assert.deepEqual(bash("tsrun", "--log-fo"), ["--log-format"]);
    assert.deepEqual(bash("tsrun", "--log-format", ""), ["text", "json"]);
    assert.deepEqual(bash("tsrun", "--root", "/x", "create", "--pre"), ["--preserve-fds"]);
    for (const { name, options } of commands)
      assert.deepEqual(
        bash("tsrun", name, "--").filter((word) => word !== "--help"),
        options.map((option) => `--${option.name}`),
      );
    assert.deepEqual(bash("tsrun", "list", "-f", "j"), ["json"]);
  });

  it("for bash know directories and files where an option wants one", () => {
    mkdirSync(join(folder, "some-bundle"));
    file("some-file", "");
    assert.deepEqual(bash("tsrun", "create", "--bundle", "some"), ["some-bundle"]);
    assert.deepEqual(bash("tsrun", "create", "--pid-file", "some").sort(), ["some-bundle", "some-file"]);
    assert.deepEqual(bash("tsrun", "create", "--preserve-fds", "some"), []);
  });

  it("for bash ask the program for containers, below the given root", () => {
    const program = file("tsrun", '#!/bin/sh\n[ "$*" = "--root /r list --quiet" ] && echo web1 && echo web2\n');
    execFileSync("chmod", ["+x", program]);
    assert.deepEqual(bash(program, "--root", "/r", "start", "web"), ["web1", "web2"]);
    assert.deepEqual(bash(program, "--root", "/r", "exec", "web1", ""), []);
  });

  itWith("fish")("for fish know commands, options and fixed values", () => {
    const fish = (line: string): string[] =>
      execFileSync(
        "fish",
        ["--no-config", "-c", `source ${file("tsrun.fish", fishCompletion())}; complete -C '${line}'`],
        { encoding: "utf8", env: { ...process.env, HOME: folder } },
      )
        .split("\n")
        .flatMap((one) => one.split("\t")[0] || []);
    assert.deepEqual(fish("tsrun cre"), ["create"]);
    assert.deepEqual(fish("tsrun create --pid").sort(), ["--pid-file", "--pidfd-socket"]);
    assert.deepEqual(fish("tsrun --log-format ").sort(), ["json", "text"]);
    assert.deepEqual(fish("tsrun help sp"), ["spec"]);
    for (const { name, options } of commands) {
      const everywhere = shownGlobals().filter((global) => options.every((own) => own.name !== global.name));
      assert.deepEqual(
        fish(`tsrun ${name} --`).sort(),
        [...options, ...everywhere].map((option) => `--${option.name}`).sort(),
        name,
      );
    }
  });

  itWith("fish")("for fish ask the program for containers, below the given root", () => {
    const program = file("tsrun", '#!/bin/sh\n[ "$*" = "--root /r list --quiet" ] && echo web1 && echo web2\n');
    execFileSync("chmod", ["+x", program]);
    const script = `source ${file("tsrun.fish", fishCompletion())}; complete -C 'tsrun --root /r start we'`;
    const offers = execFileSync("fish", ["--no-config", "-c", script], {
      encoding: "utf8",
      env: { ...process.env, HOME: folder, PATH: `${folder}:${process.env["PATH"]}` },
    });
    assert.deepEqual(offers.split("\n").filter(Boolean), ["web1", "web2"]);
  });

  itWith("zsh")("for zsh are sound, and are the function _tsrun", () => {
    const path = file("_tsrun", zshCompletion());
    assert.equal(spawnSync("zsh", ["-fn", path], { encoding: "utf8" }).stderr, "");
    const { stdout, stderr } = spawnSync(
      "zsh",
      [
        "-fc",
        `autoload -Uz compinit; compinit -u -D; source ${path}; echo $_comps[tsrun]; whence -w _tsrun _tsrun_containers`,
      ],
      { encoding: "utf8", cwd: folder },
    );
    assert.equal(stdout + stderr, "_tsrun\n_tsrun: function\n_tsrun_containers: function\n");
  });
});

describe("completions for zsh", () => {
  // What is typed comes to an interactive zsh through a pseudo terminal; there a key completes, and tells what was offered.
  const rc = (path: string): string => `
PROMPT= TERM=dumb
setopt no_auto_list no_beep
fpath=(${dirname(path)} $fpath)
autoload -Uz compinit; compinit -u -D
compadd() {
  local -a offered
  builtin compadd "$@"; local status_=$?
  [[ " $* " == *" -"[OAD]" "* ]] && return status_
  builtin compadd -A offered "$@"
  print -rl -- $offered >>$OFFERED
  return status_
}
offer() { zle complete-word; print "<end>" >>$OFFERED; BUFFER=; print -rn -- "<""done>" }
zle -N offer; bindkey '^T' offer
: >$OFFERED
print -rn -- "<""done>"
`;
  const driver = `
zmodload zsh/zpty
zpty shell zsh -d -i
zpty -r -m shell out '*<done>*'
for line; do
  zpty -w -n shell "$line"$'\\x14'
  zpty -r -m shell out '*<done>*'
done
zpty -d shell
`;

  /** What zsh offers at the end of each line. */
  function offered(lines: readonly string[], program = ""): string[][] {
    const path = file("_tsrun", zshCompletion());
    file(".zshrc", rc(path));
    execFileSync("chmod", ["+x", file("tsrun", `#!/bin/sh\n${program}\n`)]);
    const env = {
      PATH: `${folder}:${process.env["PATH"]}`,
      ZDOTDIR: folder,
      HOME: folder,
      OFFERED: join(folder, "offered"),
    };
    const { status, stderr } = spawnSync("zsh", ["-fc", driver, "zsh", ...lines], {
      encoding: "utf8",
      cwd: folder,
      env,
      timeout: 20_000 * Number(process.env["TEST_SLOWNESS"] ?? 1),
    });
    assert.equal(`${status}${stderr}`, "0");
    const sections = readFileSync(join(folder, "offered"), "utf8").split("<end>\n").slice(0, -1);
    return sections.map((section) => [...new Set(section.split("\n").filter(Boolean))].sort());
  }

  const long = (options: readonly { readonly name: string }[]): string[] =>
    options.map(({ name }) => `--${name}`).sort();

  itWith("zsh")("know commands, options of the program and of each command, and fixed values", () => {
    const names = commands.map(({ name }) => name).sort();
    const known = commands.filter(({ options }) => options.length > 0);
    const cases: [line: string, offers: string[]][] = [
      ["tsrun ", names],
      ["tsrun cre", ["create"]],
      ["tsrun help ", names],
      ["tsrun --log-f", ["--log-format"]],
      ["tsrun --log-format ", ["json", "text"]],
      ["tsrun --root /x create --p", ["--pid-file", "--pidfd-socket", "--preserve-fds"]],
      ["tsrun list -f j", ["json"]],
      ...known.map(({ name, options }): [string, string[]] => [`tsrun ${name} --`, long(options)]),
    ];
    assert.deepEqual(
      offered(cases.map(([line]) => line)),
      cases.map(([, offers]) => offers),
    );
  });

  itWith("zsh")(
    "know directories and files where an option wants one, and ask the program for containers below the given root",
    () => {
      mkdirSync(join(folder, "zsh-bundle"), { recursive: true });
      file("zsh-file", "");
      const program = '[ "$*" = "--root /r list --quiet" ] && echo web1 && echo web2';
      const lines = [
        "tsrun create --bundle zsh",
        "tsrun create --pid-file zsh",
        "tsrun --root /r start ",
        "tsrun --root /r start web1 ",
      ];
      assert.deepEqual(offered(lines, program), [["zsh-bundle"], ["zsh-bundle", "zsh-file"], ["web1", "web2"], []]);
    },
  );
});
