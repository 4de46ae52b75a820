import { type CommandSpec, type Completion, lastWord, leaves, NAMES_COMMAND, type OptionSpec } from "./spec.ts";

/** The script for fish. */
export function fishScript(program: CommandSpec): string {
  const words = program.children.map(({ name }) => name);
  const lines = [
    ...program.options.map((option) => optionLine(option, "")),
    ...program.children.map(({ name, description }) =>
      commandLine(name, description, `not __fish_seen_subcommand_from ${words.join(" ")}`),
    ),
  ];
  for (const group of program.children) {
    const children = group.children.map(({ name }) => lastWord(name));
    const condition = `__fish_seen_subcommand_from ${group.name}; and not __fish_seen_subcommand_from ${children.join(" ")}`;
    for (const { name, description } of group.children) lines.push(commandLine(lastWord(name), description, condition));
  }
  for (const { name, options, argument } of leaves(program)) {
    const condition = name
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    const here = `-n ${quoted(condition)}`;
    lines.push(...options.map((option) => optionLine(option, here)));
    if (argument !== "nothing") lines.push(`complete -c kuiper-plugins ${here} ${values(argument)}`);
  }
  return `# fish completion of kuiper-plugins: kuiper-plugins completion fish | source
function __kuiper_plugins_names
  set -l server
  set -l words (commandline -opc)
  for i in (seq (count $words))
    switch $words[$i]
      case --server --token-file --ca
        set -a server $words[$i] $words[(math $i + 1)]
    end
  end
  kuiper-plugins ${NAMES_COMMAND} $server 2>/dev/null
end
complete -c kuiper-plugins -f
${lines.join("\n")}
`;
}

function commandLine(word: string, description: string, condition: string): string {
  return `complete -c kuiper-plugins -n ${quoted(condition)} -a ${word} -d ${quoted(description)}`;
}

function optionLine({ flag, description, value }: OptionSpec, condition: string): string {
  const takes =
    value === undefined ? "" : value === "files" ? " -r -F" : ` -x${value === "nothing" ? "" : ` ${values(value)}`}`;
  return `complete -c kuiper-plugins ${condition} -l ${flag.slice(2)}${takes} -d ${quoted(description)}`;
}

function values(value: Completion): string {
  if (value === "files") return "-F";
  if (value === "plugins") return "-a '(__kuiper_plugins_names)'";
  return `-a ${quoted((value as readonly string[]).join(" "))}`;
}

/** fish knows `\\'` and `\\\\` between single quotes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
