import type { Command } from "commander";

/** The commands with their arguments and options in Markdown, for docs/command-line.md. */
export function commandSections(program: Command): string {
  return [optionTable(program), ...visible(program).flatMap((command) => sections(command))].join("\n");
}

function sections(command: Command): string[] {
  const children = visible(command);
  if (children.length > 0) return children.flatMap(sections);
  const parent = command.parent?.parent ? `${command.parent.name()} ` : "";
  const usage = command.usage().replace(/^\[options\] ?/, "");
  const head = `### ${parent}${command.name()}${usage === "" ? "" : ` \`${usage}\``}\n\n${sentence(command.description())}`;
  const args = command.registeredArguments.map((one) => `- \`${one.name()}\`: ${one.description}`);
  return [[head, args.join("\n"), optionTable(command)].filter((part) => part !== "").join("\n\n"), ""];
}

function optionTable(command: Command): string {
  const help = command.createHelp();
  const rows = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  if (rows.length === 0) return "";
  const lines = rows.map((option) => `| \`${option.flags}\` | ${help.optionDescription(option)} |`);
  return `| Option | Meaning |\n|---|---|\n${lines.join("\n")}\n`;
}

function visible(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== "help");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
