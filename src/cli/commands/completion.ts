import { Argument, type Command } from "commander";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { objectsIn } from "../../lib/objects.ts";
import type { AddCommand } from "../command-context.ts";
import { NAMES_COMMAND, specOf } from "../completion/spec.ts";

/** Whoever presses Tab waits for it. */
const NAMES_TIMEOUT_SECONDS = 1;

const EXAMPLES = `
To use it in this shell:
  bash, zsh:  source <(kuiper-plugins completion bash)
  fish:       kuiper-plugins completion fish | source
`;

/** `completion`: a script for a shell, and what that script asks. */
export const addCompletion: AddCommand = (program, { connect, output }) => {
  program
    .command("completion")
    .description("print a script that completes commands, options and the names of plugins")
    .addArgument(new Argument("<shell>", "the shell that the script is for").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", EXAMPLES)
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const script = await scriptOf(shell, program);
      output.document({ script }, script);
    });
  program.command(NAMES_COMMAND, { hidden: true }).action(async () => {
    program.setOptionValue("timeout", NAMES_TIMEOUT_SECONDS);
    try {
      await using client = await connect();
      const plugins = objectsIn(await client.get("/plugins"));
      const counts = new Map<unknown, number>(); // filtering for each would be a second with ten thousand
      for (const { name } of plugins) counts.set(name, (counts.get(name) ?? 0) + 1);
      for (const { type, name } of plugins) {
        const isOnly = counts.get(name) === 1;
        if (PLUGIN_TYPES.some((known) => known === type)) output.line(isOnly ? String(name) : `${type}/${name}`);
      }
    } catch {
      // In the middle of a line that somebody types there is no place for a message.
    }
  });
};

async function scriptOf(shell: "bash" | "zsh" | "fish", program: Command): Promise<string> {
  const spec = specOf(program);
  if (shell === "bash") return (await import("../completion/bash.ts")).bashScript(spec);
  if (shell === "zsh") return (await import("../completion/zsh.ts")).zshScript(spec);
  return (await import("../completion/fish.ts")).fishScript(spec);
}
