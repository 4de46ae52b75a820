import { Option } from "commander";
import { VERDICTS } from "../../domain/compatibility.ts";
import type { AddCommand } from "../command-context.ts";
import type { Colour } from "../output/output.ts";
import { ENGINE_WORDS, signatureWords, verdictWords } from "../output/words.ts";
import { asList } from "../server/answer.ts";
import { typeOption } from "./options.ts";

interface ListOptions {
  readonly type?: string;
  readonly verdict?: string;
  readonly engine?: string;
}

const HEAD = ["TYPE", "NAME", "VERSION", "VERDICT", "ENGINE", "SIGNED", "ORIGIN", "REASON"];
const COLOURS: Readonly<Record<string, Colour>> = { compatible: "green", incompatible: "red", unknown: "yellow" };

/** `list`: every installed plugin, and whether the engine loads it. */
export const addList: AddCommand = (program, { connect, output }) => {
  program
    .command("list")
    .description("list the installed plugins, and whether the engine will load them")
    .addOption(typeOption("only those of a type"))
    .addOption(new Option("--verdict <verdict>", "only those of a verdict").choices(VERDICTS))
    .option("--engine <binary>", "compare with another engine, such as that of an upgrade; a path at the server")
    .action(async (options: ListOptions) => {
      await using client = await connect();
      const query = new URLSearchParams({ ...options }).toString();
      const plugins = asList(await client.get(`/plugins${query && `?${query}`}`), "list of plugins");
      output.json(plugins);
      if (plugins.length === 0) return output.note(noneOf(options));
      const rows = plugins.map((one) => [
        String(one.type),
        String(one.name),
        String(one.version ?? ""),
        verdictWords(one.verdict),
        one.engine === undefined ? "" : (ENGINE_WORDS[String(one.engine)] ?? String(one.engine)),
        signatureWords(one.signature),
        String(one.origin ?? ""),
        String(one.reason ?? ""),
      ]);
      output.table(HEAD, rows, (column, row) => (column === 3 ? COLOURS[String(plugins[row]?.verdict)] : undefined));
    });
};

function noneOf({ type, verdict }: ListOptions): string {
  if (type !== undefined || verdict !== undefined) return "there are no such plugins";
  return "no plugin is installed; kuiper-plugins available shows what the plugin hosts offer";
}
