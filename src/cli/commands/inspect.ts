import { CommanderError } from "commander";
import { Interrupts } from "../changes/interrupts.ts";
import type { AddCommand } from "../command-context.ts";
import { CommandFailure } from "../failure.ts";
import { checkInspectArguments, EXIT_CODE, UsageError } from "../inspect/arguments.ts";

/** `inspect`: needs no server. Its exit status is the verdict. */
export const addInspect: AddCommand = (program, { output, env, baseFolder, exitWith }) => {
  program
    .command("inspect")
    .description(
      "report whether an engine will load a plugin; needs no server. Exit status: 0 compatible, 1 incompatible, 2 unknown, 3 failed",
    )
    .argument("<file>", "its zip or its .so, on this machine")
    .option("--engine <binary>", "the engine's executable; without it that of the base folder")
    .option("--type <type>", "sources, sinks or functions; without it a zip with a NAME.yaml is a source")
    .option("--name <name>", "the plugin's name; without it that of the .so")
    .option("--statement <file>", "a signed statement of which plugin the zip is, checked with the keys in etc/trust")
    .option("--functions <names>", "the functions that a function plugin has: a,b")
    .exitOverride(({ exitCode, code, message }) => {
      throw new CommanderError(exitCode === 0 ? 0 : EXIT_CODE.failed, code, message);
    })
    .action(async (file: string, options: Record<string, string>) => {
      const { inspect, messageOf } = await import("../inspect/command-line.ts");
      using interrupts = new Interrupts();
      using ending = interrupts.abortable();
      try {
        const parsed = checkInspectArguments([file], { ...options, json: output.isJson });
        const print = (text: string) => output.raw(text.trimEnd());
        exitWith(await inspect(parsed, { env, baseFolder, print, signal: ending.signal }));
      } catch (error) {
        if (ending.signal.aborted) throw ending.signal.reason;
        if (error instanceof UsageError) throw new CommandFailure("USAGE", error.message, EXIT_CODE.failed);
        throw new CommandFailure("INSPECTION_FAILED", messageOf(error), EXIT_CODE.failed, { cause: error });
      }
    });
};
