import { type CommandSpec, type Completion, lastWord, NAMES_COMMAND, type OptionSpec } from "./spec.ts";

/** The script for zsh: to be sourced, or to lie in a folder of `fpath` as `_kuiper-plugins`. */
export function zshScript(program: CommandSpec): string {
  return `#compdef kuiper-plugins
# zsh completion of kuiper-plugins: source <(kuiper-plugins completion zsh)
_kuiper_plugins_names() {
  local -a server=() names
  local i
  for ((i = 1; i < $#_kuiper_plugins_line; i++)); do
    case $_kuiper_plugins_line[i] in
      --server | --token-file | --ca) server+=("$_kuiper_plugins_line[i]" "$_kuiper_plugins_line[i+1]") ;;
    esac
  done
  names=("\${(@f)$(kuiper-plugins ${NAMES_COMMAND} "$server[@]" 2>/dev/null)}")
  compadd -a names
}

_kuiper_plugins() {
  local curcontext="$curcontext" state line
  local -a _kuiper_plugins_line=("$words[@]")
${choice(program, "  ", [])}
}

if [[ $funcstack[1] == _kuiper_plugins || $funcstack[1] == _kuiper-plugins ]]; then
  _kuiper_plugins "$@"
else
  compdef _kuiper_plugins kuiper-plugins
fi
`;
}

/** The choice between the commands of a group, and what each of them takes. */
function choice({ children, options }: CommandSpec, indent: string, inherited: readonly OptionSpec[]): string {
  const all = [...inherited, ...options];
  const described = children.map(({ name, description }) =>
    quote(`${lastWord(name)}:${description.replaceAll(":", "\\:")}`),
  );
  const cases = children.map((child) => {
    const inner =
      child.children.length > 0
        ? `\n${choice(child, `${indent}      `, all)}\n${indent}      `
        : ` _arguments -s ${[...specs([...all, ...child.options]), argumentSpec(child)].join(" ")} `;
    return `${indent}    ${lastWord(child.name)})${inner};;`;
  });
  return `${indent}_arguments -C ${specs(all).join(" ")} '1:command:->command' '*::argument:->arguments'
${indent}case $state in
${indent}  command)
${indent}    local -a commands=(${described.join(" ")})
${indent}    _describe command commands ;;
${indent}  arguments) case $words[1] in
${cases.join("\n")}
${indent}  esac ;;
${indent}esac`;
}

function specs(options: readonly OptionSpec[]): string[] {
  const byFlag = new Map(options.map((option) => [option.flag, option]));
  return [...byFlag.values()].map(({ flag, description, value }) => {
    const text = description.replace(/[[\]:]/g, "\\$&");
    return quote(`${flag}[${text}]${value === undefined ? "" : `:value:${action(value)}`}`);
  });
}

function argumentSpec({ argument }: CommandSpec): string {
  return argument === "nothing" ? "" : quote(`1:argument:${action(argument)}`);
}

function action(value: Completion): string {
  if (value === "files") return "_files";
  if (value === "plugins") return "_kuiper_plugins_names";
  return value === "nothing" ? " " : `(${(value as readonly string[]).join(" ")})`;
}

/** `'…'` for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
