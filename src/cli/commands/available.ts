import { PLUGIN_TYPES, type PluginType } from "../../domain/plugin.ts";
import { isObject, type Members, objectsIn } from "../../lib/objects.ts";
import type { AddCommand } from "../command-context.ts";
import { CommandFailure, EXIT_STATUS, ServerRefusal } from "../failure.ts";
import { noAnswer } from "../server/answer.ts";
import type { ServerClient } from "../server/server-client.ts";
import { typeOption } from "./options.ts";

interface Offers {
  readonly plugins: Members[];
  readonly failed: Members[];
}

/** `available`: what the plugin hosts offer for this server's engine. */
export const addAvailable: AddCommand = (program, { connect, output }) => {
  program
    .command("available")
    .description("list the plugins that the plugin hosts offer, and which of them are installed")
    .addOption(typeOption("only those of a type"))
    .action(async ({ type }: { readonly type?: PluginType }) => {
      await using client = await connect();
      const offers: Offers = { plugins: [], failed: [] };
      let refusal: CommandFailure | undefined;
      for (const one of type === undefined ? PLUGIN_TYPES : [type]) {
        try {
          const { plugins, failed } = await readOffers(client, one);
          offers.plugins.push(...plugins);
          // A host that fails does so for each type; once is enough.
          const isNew = ({ host, url }: Members) => offers.failed.every((one) => one.host !== host || one.url !== url);
          offers.failed.push(...failed.filter(isNew));
        } catch (error) {
          if (!(error instanceof ServerRefusal && error.code === "PLUGIN_HOSTS_FAILED")) throw error;
          refusal = error; // the host may have the other types
        }
      }
      if (offers.plugins.length === 0 && refusal !== undefined) throw refusal;
      output.json(offers);
      for (const { host, url, reason } of offers.failed) {
        output.note(`${String(host ?? url)} did not answer${reason === undefined ? "" : `: ${reason}`}`);
      }
      if (offers.plugins.length === 0 && offers.failed.length > 0) {
        const message =
          "what the plugin hosts offer is not known: look at the network, or at plugin-hosts in kuiper-plugins doctor";
        throw new CommandFailure("PLUGIN_HOSTS_FAILED", message, EXIT_STATUS.failed);
      }
      if (offers.plugins.length === 0) return output.note("the plugin hosts offer nothing for this system");
      const rows = offers.plugins.map((one) => [
        String(one.type),
        String(one.name),
        String(one.version ?? ""),
        installedWords(one),
        String(one.url),
      ]);
      output.table(["TYPE", "NAME", "VERSION", "INSTALLED", "URL"], rows, (column, row) =>
        column === 3 && offers.plugins[row]?.newer === true ? "yellow" : undefined,
      );
    });
};

function installedWords({ installed, newer }: Members): string {
  if (installed === null || installed === undefined) return "";
  return `${String(installed) || "yes"}${newer === true ? ", older" : ""}`;
}

async function readOffers(client: ServerClient, type: PluginType): Promise<Offers> {
  const { body, headers } = await client.send(`/plugins/${type}/prebuild?details=1`);
  if (!isObject(body)) throw noAnswer("list of what the plugin hosts offer");
  if (Array.isArray(body.plugins)) return { plugins: objectsIn(body.plugins), failed: objectsIn(body.failed) };
  // A server without details: names and addresses.
  const failed = String(headers["plugin-hosts-failed"] ?? "");
  return {
    plugins: Object.entries(body).map(([name, url]) => ({
      type,
      name,
      version: null,
      url,
      installed: null,
      newer: null,
    })),
    failed: failed === "" ? [] : failed.split(", ").map((host) => ({ host })),
  };
}
