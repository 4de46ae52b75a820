import type { PluginType } from "../../domain/plugin.ts";
import { isObject, type Members, membersOf, objectsIn, stringsIn } from "../../lib/objects.ts";
import { findPlugin, pluginPath } from "../changes/plugin-argument.ts";
import type { AddCommand } from "../command-context.ts";
import type { Output } from "../output/output.ts";
import { ENGINE_WORDS, verdictWords } from "../output/words.ts";
import { asList, asObjectWith } from "../server/answer.ts";
import { typeOption } from "./options.ts";

/** Of a list that can be hundreds long. */
const SHOWN = 5;

/** `show`: one plugin, with its problems, its versions and what uses it. */
export const addShow: AddCommand = (program, { connect, output }) => {
  program
    .command("show")
    .description("show one plugin: verdict, files, versions, and what uses it")
    .argument("<plugin>", "NAME or TYPE/NAME")
    .addOption(typeOption("its type"))
    .option("--log", "print what its install.sh has printed")
    .action(async (argument: string, { type, log }: { readonly type?: PluginType; readonly log?: boolean }) => {
      await using client = await connect();
      const id = await findPlugin(client, argument, type);
      if (log) {
        const text = await client.text(`${pluginPath(id)}/log`);
        return output.document({ log: text }, text);
      }
      const plugin = asObjectWith("name", await client.get(pluginPath(id)), "plugin");
      const versions = asList(await client.get(`${pluginPath(id)}/versions`), "list of versions");
      output.json({ type: id.type, ...plugin, versions });
      print(output, { type: id.type, ...plugin }, versions);
    });
};

function print(output: Output, plugin: Members, versions: readonly Members[]): void {
  const field = (name: string, value: unknown) => {
    if (value !== undefined && value !== null && value !== "") output.line(`${name.padEnd(11)} ${String(value)}`);
  };
  field("plugin", `${plugin.type}/${plugin.name}`);
  field("version", plugin.version || "none");
  field("origin", plugin.origin);
  field("installed", plugin.installedAt);
  field("signed by", membersOf(membersOf(plugin.verified).signature).key ?? membersOf(plugin.verified).key);
  if (plugin.engine !== undefined) field("engine", ENGINE_WORDS[String(plugin.engine)] ?? plugin.engine);
  field("", plugin.engineReason);
  const { verdict, problems } = membersOf(plugin.compatibility);
  field("verdict", verdictWords(verdict));
  for (const problem of objectsIn(problems)) {
    output.line(`            ${problem.code}: ${problem.message}`);
    printSome(output, stringsIn(problem.packages), "              ");
  }
  field("functions", stringsIn(plugin.functions).join(", "));
  field("not named", stringsIn(plugin.unregistered).join(", "));
  const { rules, streams } = membersOf(plugin.usedBy);
  field("rules", stringsIn(rules).join(", "));
  field("streams", stringsIn(streams).join(", "));
  for (const [index, file] of filesOf(plugin).entries()) field(index === 0 ? "files" : "", file);
  for (const [index, { version, id, current }] of versions.entries()) {
    const label = `${String(version) || "without a version"} (id ${id})${current === true ? ", installed" : ""}`;
    field(index === 0 ? "versions" : "", label);
  }
}

function printSome(output: Output, items: readonly string[], indent: string): void {
  for (const item of items.slice(0, SHOWN)) output.line(`${indent}${item}`);
  if (items.length > SHOWN) output.line(`${indent}and ${items.length - SHOWN} more: --json shows all`);
}

function filesOf({ files }: Members): string[] {
  if (!Array.isArray(files)) return [];
  return files.map((file) => (isObject(file) ? String(file.path) : String(file)));
}
