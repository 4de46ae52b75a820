import { InvalidArgumentError, Option } from "commander";
import type { PluginType } from "../../domain/plugin.ts";
import { parseType } from "../changes/plugin-argument.ts";
import type { CommandFailure } from "../failure.ts";

/** `--type`, which narrows or says what a command is about. */
export function typeOption(description: string): Option {
  return new Option("--type <type>", `${description}: sources, sinks or functions`).argParser(typeOf);
}

function typeOf(text: string): PluginType {
  try {
    return parseType(text);
  } catch (error) {
    throw new InvalidArgumentError((error as CommandFailure).message);
  }
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `a,b` */
export function commaList(value: string): readonly string[] {
  return value.split(",").filter((one) => one !== "");
}

export const RESTART = [
  "--restart",
  "restart the engine afterwards, and show which rules run before and after",
] as const;
export const FORCE = ["--force", "also where rules use the plugin (engine.protectUsed)"] as const;
