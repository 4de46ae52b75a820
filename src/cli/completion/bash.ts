import { type CommandSpec, type Completion, lastWord, leaves, NAMES_COMMAND, type OptionSpec } from "./spec.ts";

/** The script for bash. */
export function bashScript(program: CommandSpec): string {
  const commands = leaves(program);
  const groups = program.children.filter(({ children }) => children.length > 0);
  const all = [program, ...commands].flatMap(({ options }) => options);
  const valued = unique(all.filter(({ value }) => value !== undefined).map(({ flag }) => flag));
  const flags = (own: readonly OptionSpec[]) => unique([...program.options, ...own].map(({ flag }) => flag)).join(" ");
  return `# bash completion of kuiper-plugins: source <(kuiper-plugins completion bash)
_kuiper_plugins_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_kuiper_plugins() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command="" choices="" i
  local -a server=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --server | --token-file | --ca) server+=("\${COMP_WORDS[i]}" "\${COMP_WORDS[i + 1]}"); ((i++)) ;;
      ${valued.join(" | ")}) ((i++)) ;;
      -*) ;;
      *)
        case $command in
          "" ${groups.map(({ name }) => `| ${name} `).join("")}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
        esac
        ;;
    esac
  done
  case "$command $prev" in
${valueCases(program, commands).join("\n")}
  esac
  case $command in
    "") choices="${[...program.children.map(({ name }) => name), flags([])].join(" ")}" ;;
${groups.map(({ name, children }) => `    ${name}) choices="${children.map((child) => lastWord(child.name)).join(" ")}" ;;`).join("\n")}
${commands.map((one) => `    "${one.name}") ${argumentCase(one, flags(one.options))} ;;`).join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
complete -F _kuiper_plugins kuiper-plugins
`;
}

/** What comes after an option with a value: of a command, then of any. */
function valueCases(program: CommandSpec, commands: readonly CommandSpec[]): string[] {
  const own = commands.flatMap(({ name, options }) =>
    options.map((option) => ({ option, pattern: `"${name} ${option.flag}"` })),
  );
  const general = program.options.map((option) => ({ option, pattern: `*" ${option.flag}"` }));
  return [...own, ...general].flatMap(({ option: { value }, pattern }) =>
    value === undefined ? [] : [`    ${pattern}) ${valueAction(value)}; return ;;`],
  );
}

function valueAction(value: Completion): string {
  if (value === "files") return '_kuiper_plugins_files "$cur"';
  if (typeof value === "string") return ":";
  return `mapfile -t COMPREPLY < <(compgen -W "${value.join(" ")}" -- "$cur")`;
}

function argumentCase({ argument }: CommandSpec, flags: string): string {
  const dash = (other: string) => `case $cur in -*) choices="${flags}" ;; *) ${other} ;; esac`;
  if (argument === "files") return dash('_kuiper_plugins_files "$cur"; return');
  if (argument === "plugins") return dash(`choices=$(kuiper-plugins ${NAMES_COMMAND} "\${server[@]}" 2>/dev/null)`);
  return `choices="${[...(typeof argument === "string" ? [] : argument), flags].join(" ")}"`;
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
