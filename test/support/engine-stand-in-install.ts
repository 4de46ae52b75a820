import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PluginType } from "../../src/domain/plugin.ts";
import { readZip } from "./read-zip.ts";

/** Unpacks a zip as the engine's own installer does: over what is there, file by file, truncated in place. */
export async function installZip(base: string, type: PluginType, name: string, url: string): Promise<void> {
  const zip = url.startsWith("file:")
    ? await readFile(fileURLToPath(url))
    : Buffer.from(await (await fetch(url)).arrayBuffer());
  for (const entry of await readZip(zip)) {
    const target = targetOf(base, type, name, entry.name);
    if (target === undefined) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, entry.data);
  }
}

function targetOf(base: string, type: PluginType, name: string, entry: string): string | undefined {
  if (entry.endsWith(".so")) return join(base, "plugins", type, entry);
  if (entry === `${name}.yaml` || entry === `${name}.json`) return join(base, "etc", type, entry);
  return entry.startsWith("etc/") && !entry.endsWith("/") ? join(base, "etc", type, name, entry.slice(4)) : undefined;
}
