import { PLUGIN_TYPES, type PluginId, type PluginType } from "../../domain/plugin.ts";
import { quoted } from "../../lib/text.ts";
import { CommandFailure, EXIT_STATUS, usageFailure } from "../failure.ts";
import { asList } from "../server/answer.ts";
import type { ServerClient } from "../server/server-client.ts";

/** `sources`, or `source` as the engine's own command line has it. @throws CommandFailure */
export function parseType(text: string): PluginType {
  const type = PLUGIN_TYPES.find((known) => known === text || known === `${text}s`);
  if (type !== undefined) return type;
  throw usageFailure(`there is no type ${quoted(text)}; there are ${PLUGIN_TYPES.join(", ")}`);
}

/** `sources/random` or `random`. @throws CommandFailure for two types that differ */
export function parsePlugin(
  argument: string,
  type?: PluginType,
): { readonly type?: PluginType; readonly name: string } {
  const slash = argument.indexOf("/");
  const name = argument.slice(slash + 1);
  const own = slash < 0 ? type : parseType(argument.slice(0, slash));
  if (type !== undefined && own !== type) throw usageFailure(`${quoted(argument)} is not of the type ${type}`);
  if (name === "" || name.includes("/")) throw usageFailure(`${quoted(argument)} should be TYPE/NAME or NAME`);
  return own === undefined ? { name } : { type: own, name };
}

/**
 * The installed plugin that an argument means. Only a name without a type has to be looked for.
 *
 * @throws CommandFailure where there is none, or one of several types
 */
export async function findPlugin(client: ServerClient, argument: string, type?: PluginType): Promise<PluginId> {
  const plugin = parsePlugin(argument, type);
  const { name } = plugin;
  if (plugin.type !== undefined) return { type: plugin.type, name };
  const installed = asList(await client.get("/plugins"), "list of plugins");
  const found = PLUGIN_TYPES.filter((one) => installed.some((other) => other.type === one && other.name === name));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return { type: only, name };
  if (only !== undefined)
    throw usageFailure(`there are ${found.map((one) => `${one}/${name}`).join(" and ")}: name one`);
  const message = `no plugin ${quoted(name)} is installed; kuiper-plugins list shows those that are`;
  throw new CommandFailure("PLUGIN_NOT_FOUND", message, EXIT_STATUS.notFound);
}

/** The path of a plugin at the server. */
export function pluginPath({ type, name }: PluginId): string {
  return `/plugins/${type}/${encodeURIComponent(name)}`;
}
