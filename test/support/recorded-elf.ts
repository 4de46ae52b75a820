import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** What is left of a real engine or plugin, see test/inspect/fixtures/README.md: `engine`, `plugin`, `changed-plugin`, … */
export async function recordedElf(name: string): Promise<Buffer> {
  const file = fileURLToPath(new URL(`../inspect/fixtures/${name}.elf.gz`, import.meta.url));
  return gunzipSync(await readFile(file));
}
