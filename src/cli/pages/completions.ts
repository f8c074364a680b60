// Completions for bash, zsh and fish. All three know commands, options, fixed values, files and directories, and ask tsrun for containers.

import { shownCommands, shownGlobals, type ShownCommand, type ShownOption } from "./table.ts";

const HEAD = "Made by `make pages` of src/cli/table.ts and src/cli/texts.ts: edit those.";

/** What a value can be. */
type Kind =
  { readonly kind: "choices"; readonly choices: readonly string[] } | { readonly kind: "directory" | "file" | "other" };

function kindOf({ text }: ShownOption): Kind {
  if (text.choices !== undefined) return { kind: "choices", choices: text.choices };
  if (text.value === "DIR") return { kind: "directory" };
  return { kind: text.value === "FILE" || text.value === "SOCKET" ? "file" : "other" };
}

const takesValue = ({ text }: ShownOption): boolean => text.value !== undefined;

const spellings = ({ name, option }: ShownOption): readonly string[] =>
  option.short === undefined ? [`--${name}`] : [`--${name}`, `-${option.short}`];

const wantsContainer = ({ text }: ShownCommand): boolean => text.usage.includes("<container-id>");
const wantsDirectory = ({ text }: ShownCommand): boolean => text.usage.startsWith("[bundle]");

// ---- bash

export function bashCompletion(): string {
  const commands = shownCommands();
  const globals = shownGlobals();
  const all = [...globals, ...commands.flatMap(({ options }) => options)];
  const withValue = [...new Set(globals.filter(takesValue).flatMap(spellings))].filter((name) => name !== "--root");
  return `# bash completion for tsrun. ${HEAD}

_tsrun_containers() {
  COMPREPLY=($(compgen -W "$("\${COMP_WORDS[0]}" "\${root[@]}" list --quiet 2>/dev/null)" -- "$cur"))
}

_tsrun() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command='' operands=0 i root=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    --root) root=(--root "\${COMP_WORDS[++i]}") ;;
    ${withValue.join(" | ")}) ((i++)) ;;
    -*) ;;
    *) if [ -z "$command" ]; then command=\${COMP_WORDS[i]}; else ((operands++)); fi ;;
    esac
  done
  case $command:$prev in
${valueCases(commands, globals)}  esac
  if [[ $cur == -* ]]; then
    case $command in
    '') COMPREPLY=($(compgen -W '${globals.flatMap(spellings).join(" ")}' -- "$cur")) ;;
${commands.map(({ name, options }) => `    ${name}) COMPREPLY=($(compgen -W '${[...options.flatMap(spellings), "--help"].join(" ")}' -- "$cur")) ;;\n`).join("")}    esac
    return
  fi
  case $command in
  '') COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")}' -- "$cur")) ;;
  help) COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")}' -- "$cur")) ;;
  ${commands
    .filter(wantsContainer)
    .map(({ name }) => name)
    .join(" | ")}) [ "$operands" -gt 0 ] || _tsrun_containers ;;
  ${commands
    .filter(wantsDirectory)
    .map(({ name }) => name)
    .join(" | ")}) COMPREPLY=($(compgen -d -- "$cur")) ;;
  esac
}

${all.length > 0 ? "complete -o filenames -F _tsrun tsrun\n" : ""}`;
}

/** What follows an option that takes a value. */
function valueCases(commands: readonly ShownCommand[], globals: readonly ShownOption[]): string {
  const cases = (command: string, options: readonly ShownOption[]): string =>
    options
      .filter(takesValue)
      .map((option) => {
        const kind = kindOf(option);
        const words =
          kind.kind === "choices" ? `-W '${kind.choices.join(" ")}'` : kind.kind === "directory" ? "-d" : "-f";
        const action = kind.kind === "other" ? "" : `COMPREPLY=($(compgen ${words} -- "$cur")); `;
        return `  ${spellings(option)
          .map((name) => `${command}:${name}`)
          .join(" | ")}) ${action}return ;;\n`;
      })
      .join("");
  return commands.map(({ name, options }) => cases(name, options)).join("") + cases("*", globals);
}

// ---- zsh

export function zshCompletion(): string {
  const commands = shownCommands();
  return `#compdef tsrun
# ${HEAD}

_tsrun_containers() {
  local -a ids
  ids=(\${(f)"$(_call_program containers tsrun $root list --quiet 2>/dev/null)"})
  compadd -a ids
}

_tsrun_commands() {
  local -a commands=(
${commands.map(({ name, text }) => `    '${name}:${zsh(text.summary)}'\n`).join("")}  )
  _describe command commands
}

_tsrun() {
  local context state line
  local -a root # for _tsrun_containers: the next _arguments forgets this one's options
  typeset -A opt_args
  _arguments -C \\
${shownGlobals().map(zshOption).join("")}    '1:command:_tsrun_commands' \\
    '*::argument:->arguments'
  [[ $state == arguments ]] || return
  (( \${+opt_args[--root]} )) && root=(--root "\${(Q)opt_args[--root]}")
  case $line[1] in
${commands.map(zshCommand).join("")}  esac
}

if [[ $funcstack[1] == _tsrun ]]; then _tsrun "$@"; else compdef _tsrun tsrun; fi
`;
}

function zshCommand(command: ShownCommand): string {
  const operand =
    command.name === "help"
      ? "    '1:command:_tsrun_commands'"
      : wantsContainer(command)
        ? "    '1:container:_tsrun_containers'"
        : wantsDirectory(command)
          ? "    '1:bundle:_directories'"
          : "    ''";
  const rest = command.name === "exec" ? " \\\n    '*::command:_normal'" : "";
  const options = command.options.map(zshOption).join("");
  if (options === "" && operand.endsWith("''")) return `  ${command.name}) ;;\n`;
  return `  ${command.name}) _arguments \\\n${options}${operand.endsWith("''") ? "    '*:'" : operand}${rest} ;;\n`;
}

function zshOption(option: ShownOption): string {
  const kind = kindOf(option);
  const action =
    kind.kind === "choices"
      ? `(${kind.choices.join(" ")})`
      : kind.kind === "directory"
        ? "_directories"
        : kind.kind === "file"
          ? "_files"
          : " ";
  const value = takesValue(option) ? `:${zsh(option.text.value ?? "")}:${action}` : "";
  const star = option.option.type === "list" ? "*" : "";
  return spellings(option)
    .map((name) => `    '${star}${name}[${zsh(option.text.help)}]${value}' \\\n`)
    .join("");
}

const zsh = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");

// ---- fish

export function fishCompletion(): string {
  const commands = shownCommands();
  const names = commands.map(({ name }) => name).join(" ");
  return `# fish completion for tsrun. ${HEAD}

function __tsrun_containers
  set -l words (commandline -opc)
  set -l root
  if set -l at (contains -i -- --root $words)
    set root --root $words[(math $at + 1)]
  end
  command -q $words[1]; and $words[1] $root list --quiet 2>/dev/null
end

set -l commands ${names}
complete -c tsrun -f
${shownGlobals()
  .map((option) => fishOption("", option))
  .join(
    "",
  )}${commands.map(({ name, text }) => `complete -c tsrun -n "not __fish_seen_subcommand_from $commands" -a ${name} -d '${fish(text.summary)}'\n`).join("")}complete -c tsrun -n '__fish_seen_subcommand_from help' -a '${names}'
complete -c tsrun -n '__fish_seen_subcommand_from ${commands
    .filter(wantsContainer)
    .map(({ name }) => name)
    .join(" ")}' -a '(__tsrun_containers)'
complete -c tsrun -n '__fish_seen_subcommand_from ${commands
    .filter(wantsDirectory)
    .map(({ name }) => name)
    .join(" ")}' -a '(__fish_complete_directories)'
${commands.map(({ name, options }) => options.map((option) => fishOption(name, option)).join("")).join("")}`;
}

function fishOption(command: string, option: ShownOption): string {
  const {
    name,
    option: { short },
    text,
  } = option;
  const kind = kindOf(option);
  const value = !takesValue(option)
    ? ""
    : kind.kind === "choices"
      ? ` -x -a '${kind.choices.join(" ")}'`
      : kind.kind === "directory"
        ? " -x -a '(__fish_complete_directories)'"
        : kind.kind === "file"
          ? " -r -F"
          : " -x";
  return `complete -c tsrun${command === "" ? "" : ` -n '__fish_seen_subcommand_from ${command}'`} -l ${name}${short === undefined ? "" : ` -s ${short}`}${value} -d '${fish(text.help)}'\n`;
}

const fish = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
