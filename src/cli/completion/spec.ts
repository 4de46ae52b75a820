import type { Command, Option } from "commander";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";

/** What can be completed in the place of a value. */
export type Completion = "files" | "plugins" | "nothing" | readonly string[];

export interface OptionSpec {
  /** `--type` */
  readonly flag: string;
  readonly description: string;
  /** Of its value; undefined for an option without one. */
  readonly value: Completion | undefined;
}

export interface CommandSpec {
  /** `list`, or `engine status`. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** Of its argument. */
  readonly argument: Completion;
  /** The words of a group. */
  readonly children: readonly CommandSpec[];
}

/** The name of the hidden command that prints the installed plugins for a shell. */
export const NAMES_COMMAND = "completion-names";

/** By the words that stand for a value in the help: `<file>`. */
const BY_PLACEHOLDER: Readonly<Record<string, Completion>> = {
  file: "files",
  binary: "files",
  folder: "files",
  source: "files",
  plugin: "plugins",
  type: PLUGIN_TYPES,
};

/** What the program's own commands say, for a shell's completion. */
export function specOf(command: Command, before = ""): CommandSpec {
  const name = `${before}${command.name()}`;
  const [argument] = command.registeredArguments;
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const options = help.visibleOptions(command).filter(({ long }) => long !== undefined);
  return {
    name,
    description: command.description(),
    options: options.map(optionOf),
    argument: argument === undefined ? "nothing" : (argument.argChoices ?? completionOf(argument.name())),
    children: children.map((child) => specOf(child, command.parent === null ? "" : `${name} `)),
  };
}

function optionOf(option: Option): OptionSpec {
  const { long = "", description, required, flags, argChoices } = option;
  const placeholder = /<([\w-]+)>/.exec(flags)?.[1] ?? "";
  return { flag: long, description, value: required ? (argChoices ?? completionOf(placeholder)) : undefined };
}

function completionOf(placeholder: string): Completion {
  return (Object.hasOwn(BY_PLACEHOLDER, placeholder) ? BY_PLACEHOLDER[placeholder] : undefined) ?? "nothing";
}

/** All commands that take options or an argument: those in groups, too. */
export function leaves({ children }: CommandSpec): readonly CommandSpec[] {
  return children.flatMap((child) => (child.children.length === 0 ? [child] : leaves(child)));
}

/** `status` of `engine status`. */
export function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(" ") + 1);
}
