import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PluginType } from "../../src/domain/plugin.ts";
import { readZip } from "./read-zip.ts";

interface Installing {
  readonly base: string;
  readonly type: PluginType;
  readonly name: string;
  /** The URL of the zip. */
  readonly file: string;
  /** Whether the engine's version is that one or later: the installer has changed several times. */
  readonly isFrom: (major: number, minor: number, patch?: number) => boolean;
}

/**
 * Unpacks a zip as the engine's own installer does: over what is there, file by file, truncated in place; counts the files of
 * a source as each version does, and removes what it has written where they are not enough.
 *
 * @returns removes what it has written, for a .so that does not load
 */
export async function installZip(installing: Installing): Promise<() => Promise<void>> {
  const { base, type, name, file, isFrom } = installing;
  const written: string[] = [];
  const revoke = async () => {
    if (isFrom(1, 6)) for (const path of written) await rm(path, { force: true });
  };
  const put = async (path: string, data: Buffer) => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
    written.push(path);
  };
  let counted = 0;
  for (const entry of await readZip(await zipOf(installing))) {
    if (entry.name.endsWith(".so")) {
      await put(join(base, "plugins", type, entry.name), entry.data);
      counted += 1;
      continue;
    }
    const etc = etcFile(type, name, entry.name);
    if (etc === undefined) continue;
    const isYaml = type === "sources" && entry.name === `${name}.yaml`;
    if (isYaml && isFrom(1, 12) && (await isThere(join(base, "etc", etc)))) {
      counted += isFrom(1, 12, 3) ? 1 : 0;
      continue;
    }
    await put(join(base, "etc", etc), entry.data);
    if (isFrom(2, 2, 1)) await put(join(base, "data", etc), entry.data);
    counted += isYaml ? (isFrom(2, 2, 1) ? 2 : 1) : 0;
  }
  const expected = type !== "sources" ? 1 : isFrom(2, 2, 1) ? 3 : 2;
  if (counted !== expected) {
    await revoke();
    throw new Error(`invalid zip file: expectFiles: ${expected}, got ${counted} of ${file}`);
  }
  return revoke;
}

async function zipOf({ base, file, isFrom }: Installing): Promise<Buffer> {
  if (!file.startsWith("file:")) return Buffer.from(await (await fetch(file)).arrayBuffer());
  const path = fileURLToPath(file);
  const uploads = join(base, "data", "uploads");
  if (isFrom(2, 4) && !path.startsWith(`${uploads}/`))
    throw new Error(`fail to download file ${file}: file access denied: path must be under ${uploads}`);
  return readFile(path);
}

function etcFile(type: PluginType, name: string, entry: string): string | undefined {
  if (entry === `${name}.yaml` || entry === `${name}.json`) return join(type, entry);
  return entry.startsWith("etc/") && !entry.endsWith("/") ? join(type, name, entry.slice(4)) : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
