import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { ERROR_STATUS, PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES, type PluginId, type PluginType } from "../../domain/plugin.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import { isObject } from "../../lib/objects.ts";
import { quoted } from "../../lib/text.ts";
import type { CommandContext } from "../command-context.ts";
import { CommandFailure, EXIT_STATUS, exitStatusOf, ServerRefusal, usageFailure } from "../failure.ts";
import { noAnswer } from "../server/answer.ts";
import type { ServerClient } from "../server/server-client.ts";
import { Interrupts } from "./interrupts.ts";
import { parsePlugin } from "./plugin-argument.ts";

/** Where a package comes from: an address that the server fetches, or a zip of this machine's that is sent. */
export type PackageSource =
  | { readonly kind: "url"; readonly url: string; readonly id: PluginId }
  | { readonly kind: "zip"; readonly file: string; readonly id: PluginId };

/** What the options say of the plugin; the package tells the rest. */
interface Wanted {
  readonly type: PluginType | undefined;
  readonly name: string | undefined;
}

/**
 * Finds out what is to be installed: the URL of a zip, a zip of this machine's, or a name in the catalogue.
 *
 * @throws CommandFailure where that can't be told
 */
export async function resolveSource(
  client: ServerClient,
  argument: string,
  wanted: Wanted,
  context: Surroundings,
): Promise<PackageSource> {
  if (/^(https?|file):\/\//i.test(argument)) {
    return { kind: "url", url: argument, id: await identifyUrl(client, argument, wanted) };
  }
  if (await isThere(argument))
    return { kind: "zip", file: argument, id: await identifyLocalZip(argument, wanted, context) };
  if (/\.zip$|^[./~]/i.test(argument)) {
    throw usageFailure(`there is no file ${quoted(argument)}; looked for at ${quoted(resolve(argument))}`);
  }
  return fromCatalogue(client, argument, wanted);
}

/** The server looks into the zip, unless all is said. */
async function identifyUrl(client: ServerClient, url: string, { type, name }: Wanted): Promise<PluginId> {
  if (type !== undefined && name !== undefined) return { type, name };
  try {
    const json = { file: url, ...(type && { type }), ...(name && { name }) };
    const { body } = await client.send("/plugins/inspect", { method: "POST", json });
    if (!isObject(body)) throw noAnswer("report of an inspection");
    if (body.typeGuessed === true) throw typeNotTold(url);
    const ofServer = PLUGIN_TYPES.find((one) => one === (type ?? body.type));
    if (ofServer !== undefined && typeof body.name === "string") return { type: ofServer, name: body.name };
  } catch (error) {
    const isOlder = error instanceof ServerRefusal && ["PAGE_NOT_FOUND", "METHOD_NOT_ALLOWED"].includes(error.code);
    if (!isOlder) throw error;
  }
  throw usageFailure("say with --type and --name which plugin it is: this server does not look into zips by itself");
}

/** Where a command runs. */
type Surroundings = Pick<CommandContext, "env" | "baseFolder">;

async function identifyLocalZip(file: string, { type, name }: Wanted, context: Surroundings): Promise<PluginId> {
  if (type !== undefined && name !== undefined) return { type, name };
  const { identifyZip } = await import("../inspect/identify-zip.ts");
  using interrupts = new Interrupts();
  using ending = interrupts.abortable();
  const { signal } = ending;
  try {
    const { id, isTypeGuessed } = await identifyZip(file, { type, name }, { ...context, signal });
    if (isTypeGuessed) throw typeNotTold(file);
    return id;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof PluginError) {
      const { code, message } = error;
      throw new CommandFailure(code, `${quoted(file)}: ${message}`, exitStatusOf(code, ERROR_STATUS[code]));
    }
    if (hasCode(error, "EACCES", "EISDIR"))
      throw usageFailure(`${quoted(file)} can't be read: ${systemMessage(error)}`);
    throw error;
  }
}

/** A wrong guess would put the plugin where the engine does not look for it. */
function typeNotTold(source: string): CommandFailure {
  return usageFailure(
    `${quoted(source)} does not tell whether it is a sink or a function: say --type sinks or --type functions`,
  );
}

async function fromCatalogue(client: ServerClient, argument: string, wanted: Wanted): Promise<PackageSource> {
  const { type, name } = parsePlugin(argument, wanted.type);
  const offered: { readonly id: PluginId; readonly url: string }[] = [];
  for (const one of type === undefined ? PLUGIN_TYPES : [type]) {
    const list = await client.get(`/plugins/${one}/prebuild`).catch((error) => {
      if (!(error instanceof ServerRefusal && error.code === "PLUGIN_HOSTS_FAILED")) throw error;
      const message = `${quoted(argument)} is no URL and no file here, and the catalogue can't be read: ${error.message}`;
      throw new ServerRefusal(error.code, message, error.httpStatus);
    });
    if (!isObject(list)) throw noAnswer("list of what the plugin hosts offer");
    const url = Object.hasOwn(list, name) ? list[name] : undefined;
    if (typeof url === "string") offered.push({ id: { type: one, name: wanted.name ?? name }, url });
  }
  const [only, ...others] = offered;
  if (only !== undefined && others.length === 0) return { kind: "url", ...only };
  if (only !== undefined) {
    throw usageFailure(`the catalogue has ${offered.map(({ id }) => `${id.type}/${name}`).join(" and ")}: name one`);
  }
  const message = `${quoted(argument)} is no URL, no file, and not in the catalogue; kuiper-plugins available shows what is`;
  throw new CommandFailure("NOT_OFFERED", message, EXIT_STATUS.notFound);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error) => !hasCode(error, "ENOENT", "ENOTDIR", "ENAMETOOLONG"),
  );
}
