import { readdir } from "node:fs/promises";
import { PLUGIN_TYPES, type PluginType, parseSoFileName } from "../../domain/plugin.ts";
import { hasCode } from "../../lib/errors.ts";
import { count, enumerate, quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** Whether the registry can be used, and knows each .so in the folders. */
export async function* registry({ layout, registry: read }: Situation): AsyncIterable<Observation> {
  const file = layout.registryFile;
  const found = await read().catch((error: Error) => error);
  if (found instanceof Error) {
    yield failure(
      `${file} can't be used: ${quoted(found.message)}`,
      "restore it from a backup, or start the server: it keeps it aside and makes a new one of the folders",
    );
    return;
  }
  const { content, warnings } = found;
  if (content === undefined) yield ok("there is no registry yet: the server makes it");
  else {
    const number = PLUGIN_TYPES.reduce((sum, type) => sum + content[type].size, 0);
    yield ok(`${count(number, "plugin")} in ${file}`);
  }
  for (const line of warnings) yield warning(`${file}: ${line}`, "it was edited by hand: put back what it had");
  const unknown: string[] = [];
  for (const type of PLUGIN_TYPES) {
    const known = new Set([...(content?.[type].values() ?? [])].map(({ soFile }) => soFile));
    unknown.push(
      ...(await soFilesOf(type)).filter((name) => !known.has(name)).map((name) => quoted(`${type}/${name}`)),
    );
  }
  if (unknown.length > 0) {
    yield warning(
      `${count(unknown.length, ".so")} that the registry does not know: ${enumerate(unknown)}`,
      "copied in by hand, they are adopted by the server's start or its next list; of several of a name the engine takes the last",
    );
  }

  async function soFilesOf(type: PluginType): Promise<string[]> {
    const names = await readdir(layout.soFolder(type)).catch((error) => {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    });
    return names.filter((name) => !name.startsWith(".") && parseSoFileName(name) !== undefined);
  }
}
