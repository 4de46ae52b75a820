import type { PluginType } from "../../domain/plugin.ts";
import { membersOf, stringsIn } from "../../lib/objects.ts";
import { enumerate } from "../../lib/text.ts";
import { ask } from "../changes/ask.ts";
import { makeChange } from "../changes/make-change.ts";
import { findPlugin, pluginPath } from "../changes/plugin-argument.ts";
import type { AddCommand } from "../command-context.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { FORCE, RESTART, typeOption } from "./options.ts";

interface ChangeOptions {
  readonly type?: PluginType;
  readonly restart?: boolean;
  readonly force?: boolean;
}

/** `rollback`: an earlier version comes back. */
export const addRollback: AddCommand = (program, { connect, output }) => {
  program
    .command("rollback")
    .description("bring back the version before, or another that is kept (show lists them)")
    .argument("<plugin>", "NAME or TYPE/NAME")
    .addOption(typeOption("its type"))
    .option("--to <version>", "that version")
    .option("--id <id>", "the version with that id")
    .option(...FORCE)
    .option(...RESTART)
    .action(async (argument: string, options: ChangeOptions & { readonly to?: string; readonly id?: string }) => {
      await using client = await connect();
      const { type, to, id, restart, force } = options;
      const path = `${pluginPath(await findPlugin(client, argument, type))}/rollback`;
      const json = { ...(to !== undefined && { version: to }), ...(id !== undefined && { id }) };
      await makeChange({ method: "POST", path, query: { restart, force }, json }, { client, output });
    });
};

/** `remove`: asks first, and names the rules that will fail. */
export const addRemove: AddCommand = (program, { connect, output }) => {
  program
    .command("remove")
    .description("delete a plugin with its kept versions; what its install.sh did is not undone")
    .argument("<plugin>", "NAME or TYPE/NAME")
    .addOption(typeOption("its type"))
    .option("--yes", "do not ask")
    .option(...FORCE)
    .option(...RESTART)
    .action(async (argument: string, options: ChangeOptions & { readonly yes?: boolean }) => {
      if (!options.yes && !output.isInteractive) {
        throw usageFailure("remove asks before it deletes, and there is nobody to answer: say --yes");
      }
      await using client = await connect();
      const { type, restart, force } = options;
      const plugin = await findPlugin(client, argument, type);
      const path = pluginPath(plugin);
      if (!options.yes) {
        const { usedBy } = membersOf(await client.get(path));
        const rules = stringsIn(membersOf(usedBy).rules);
        const used =
          rules.length === 0 ? "" : ` It is used by the rule${rules.length === 1 ? "" : "s"} ${enumerate(rules, 10)}.`;
        const question = `Delete ${plugin.type}/${plugin.name} with its kept versions?${used}`;
        const isWanted = await ask(output, question, { initialValue: false });
        if (!isWanted) throw new CommandFailure("INTERRUPTED", "nothing was deleted", isWanted === false ? 1 : 130);
      }
      await makeChange({ method: "DELETE", path, query: { restart, force } }, { client, output });
    });
};
