// Manual pages of section 8, in man(7): tsrun(8) and one for each command.

import { description, summary } from "../texts.ts";
import { shownCommands, shownGlobals, type ShownCommand, type ShownOption } from "./table.ts";

export type Page = { readonly file: string; readonly text: string };

/** What stands in the footer. */
export type Edition = { readonly version: string; /** YYYY-MM-DD */ readonly date: string };

export function manPages(edition: Edition): readonly Page[] {
  const commands = shownCommands();
  return [
    { file: "tsrun.8", text: programPage(edition, commands) },
    ...commands.map((command) => ({ file: `tsrun-${command.name}.8`, text: commandPage(edition, command) })),
  ];
}

function programPage(edition: Edition, commands: readonly ShownCommand[]): string {
  return page("TSRUN", edition, [
    ["NAME", `tsrun \\- ${escaped(summary)}\n`],
    ["SYNOPSIS", `.B tsrun\n[global options]\n.I command\n[command options]\n[arguments ...]\n`],
    ["DESCRIPTION", prose(description)],
    [
      "COMMANDS",
      commands
        .map(({ name, text }) => `.TP\n.BR tsrun\\-${escaped(name)} (8)\n${escaped(sentence(text.summary))}\n`)
        .join(""),
    ],
    ["GLOBAL OPTIONS", `They stand before the command, or among its own.\n${optionList(shownGlobals())}`],
    [
      "EXIT STATUS",
      prose(
        "0 when the command did what it should, 1 when it failed, and 255 when exec could not run its command. run and exec end with the status of their process, or with 128 + N when signal N ended it.",
      ),
    ],
    [
      "ERRORS",
      prose(
        "A failure is one line on standard error: the step, the part of config.json that asked, the call, its error and what to try. The codes in the JSON log are listed in @DOCDIR@/errors.md.",
      ),
    ],
    [
      "ENVIRONMENT",
      item("XDG_RUNTIME_DIR", "Where the state of containers is kept without root privileges, in tsrun.") +
        item(
          "LISTEN_FDS",
          "So many descriptors from 3 on are passed to the container, before those of \\-\\-preserve\\-fds.",
        ) +
        item("NOTIFY_SOCKET", "Is told when the container's service says that it is ready, see sd_notify(3)."),
    ],
    ["FILES", item("/run/tsrun", "State of the containers of root, one directory each.")],
    ["SEE ALSO", seeAlso(commands.map(({ name }) => `tsrun\\-${escaped(name)}`))],
  ]);
}

function commandPage(edition: Edition, { name, text, options }: ShownCommand): string {
  const usage = text.usage === "" ? "" : `${escaped(text.usage)}\n`;
  return page(`TSRUN-${name.toUpperCase()}`, edition, [
    ["NAME", `tsrun\\-${escaped(name)} \\- ${escaped(text.summary)}\n`],
    ["SYNOPSIS", `.B tsrun ${escaped(name)}\n${options.length > 0 ? "[options]\n" : ""}${usage}`],
    ["DESCRIPTION", text.description === "" ? `${escaped(sentence(text.summary))}\n` : prose(text.description)],
    ["OPTIONS", optionList(options)],
    ["SEE ALSO", seeAlso(["tsrun"])],
  ]);
}

function page(
  title: string,
  { version, date }: Edition,
  sections: readonly (readonly [title: string, body: string])[],
): string {
  const head = `.\\" Made by \`make pages\` of src/cli/table.ts and src/cli/texts.ts: edit those.\n.TH ${escaped(title)} 8 "${date}" "tsrun ${escaped(version)}" "Container runtimes"\n`;
  return (
    head +
    sections
      .filter(([, body]) => body !== "")
      .map(([name, body]) => `.SH ${name}\n${body}`)
      .join("")
  );
}

const optionList = (options: readonly ShownOption[]): string =>
  options
    .map(({ name, option, text }) => {
      const value = text.value === undefined ? "" : ` \\fI${escaped(text.value)}\\fR`;
      const names = [
        `\\fB\\-\\-${escaped(name)}\\fR${value}`,
        ...(option.short === undefined ? [] : [`\\fB\\-${option.short}\\fR${value}`]),
      ];
      return `.TP\n${names.join(", ")}\n${escaped(sentence(text.help))}\n`;
    })
    .join("");

const item = (name: string, text: string): string => `.TP\n.B ${escaped(name)}\n${text}\n`;

const seeAlso = (names: readonly string[]): string =>
  `${[...names.map((name) => `.BR ${name} (8)`), ".BR runc (8)", ".BR crun (1)"].join(" ,\n")}\n`;

/** Paragraphs; indented lines are shown as they are. */
function prose(text: string): string {
  const blocks = text.replaceAll("PROGRAM", "tsrun").split(/\n\n+|\n(?= {4})|(?<= {4}[^\n]*)\n(?! {4})/);
  return blocks
    .map((block, i) =>
      block.startsWith("    ")
        ? `.PP\n.RS 4\n.nf\n${block
            .split("\n")
            .map((line) => escaped(line.slice(4)))
            .join("\n")}\n.fi\n.RE\n`
        : `${i === 0 ? "" : ".PP\n"}${escaped(block)}\n`,
    )
    .join("");
}

/** As a sentence of its own. */
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Text as roff takes it: no control line, and a dash is a dash that can be copied. */
const escaped = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^(?=[.'])/gm, "\\&")
    .replaceAll("’", "'");
