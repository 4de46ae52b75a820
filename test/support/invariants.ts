import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { PLUGIN_TYPES, type PluginType, parseSoFileName } from "../../src/domain/plugin.ts";

interface VersionText {
  readonly installLog?: string;
  readonly files: readonly { readonly path: string; readonly sha256?: string }[];
}

interface RegistryText {
  readonly plugins: Record<PluginType, Record<string, VersionText & { readonly versions?: readonly VersionText[] }>>;
}

export type Listing = Readonly<Record<PluginType, readonly string[]>>;

export async function fetchListing(url: string): Promise<Listing> {
  const lists = PLUGIN_TYPES.map(async (type) => [type, await (await fetch(`${url}/plugins/${type}`)).json()] as const);
  return Object.fromEntries(await Promise.all(lists)) as unknown as Listing;
}

/**
 * What must be true of a base folder whenever a server has just started on it, whatever happened before: the list, the
 * .so files and the registry are the same; a listed plugin has all its files whole, and those of its earlier versions;
 * an unlisted one has none; nothing half-made is left.
 *
 * @param edited files that a user wrote over: with whatever content, and there without the plugin too
 */
export async function expectInvariants(base: string, listing: Listing, edited: readonly string[] = []): Promise<void> {
  const registry = await readRegistry(base);
  const known = new Set<string>();
  for (const type of PLUGIN_TYPES) {
    const soFiles = (await readdir(join(base, "plugins", type))).map((name) => parseSoFileName(name)?.name);
    expect(soFiles.sort(), `${type}: .so files and list`).toEqual([...listing[type]]);
    expect(Object.keys(registry.plugins[type]).sort(), `${type}: registry and list`).toEqual([...listing[type]]);
    for (const entry of Object.values(registry.plugins[type])) {
      for (const { path, sha256 } of entry.files) {
        known.add(path);
        const actual = await sha256Of(join(base, path));
        if (!edited.includes(path)) expect(actual, `${path} is whole`).toBe(sha256);
      }
    }
  }
  for (const volume of ["plugins", "etc"]) {
    const leftovers = await readdir(join(base, volume, ".changes")).catch(() => []); // there from the first change on
    expect(leftovers, `leftovers in ${volume}`).toEqual([]);
    for (const type of PLUGIN_TYPES) {
      const files = await filesBelow(join(base, volume, type), `${volume}/${type}`);
      const strangers = files.filter(
        (path) => !known.has(path) && !edited.includes(path) && !/\.bak(\.\d+)?$/.test(path),
      );
      expect(strangers, "files and folders of no plugin").toEqual([]);
    }
  }
  await expectKeptFiles(base, registry);
  // The server may be writing what it found out about the plugins; what was left behind does not go by itself.
  const stray = async () => (await readdir(join(base, "plugins"))).filter((name) => /\.tmp$|unreadable/.test(name));
  await expect.poll(stray, { message: "temporary files beside the registry" }).toEqual([]);
}

/** What is kept of earlier versions is what the registry refers to, whole. Defaults may be kept as well. */
async function expectKeptFiles(base: string, { plugins }: RegistryText): Promise<void> {
  const entries = PLUGIN_TYPES.flatMap((type) => Object.values(plugins[type]));
  const shaOf = (versions: readonly VersionText[], volume: string) =>
    versions.flatMap(({ files }) =>
      files.flatMap(({ path, sha256 = "" }) => (path.startsWith(`${volume}/`) && sha256 !== "" ? [sha256] : [])),
    );
  for (const volume of ["plugins", "etc"]) {
    const needed = shaOf(
      entries.flatMap(({ versions = [] }) => versions),
      volume,
    );
    const logs = entries.flatMap((entry) => [entry, ...(entry.versions ?? [])]).flatMap((one) => one.installLog ?? []);
    const allowed = new Set([...needed, ...(volume === "etc" ? shaOf(entries, volume) : logs)]);
    const folder = join(base, volume, ".versions");
    const kept = await readdir(folder).catch(() => []); // there from the first kept file on
    expect(kept, `what earlier versions need in ${volume}`).toEqual(expect.arrayContaining(needed));
    expect(
      kept.filter((name) => !allowed.has(name)),
      `files in ${volume} that are kept for nobody`,
    ).toEqual([]);
    for (const name of kept) expect(await sha256Of(join(folder, name)), `${volume}/.versions/${name}`).toBe(name);
  }
}

async function readRegistry(base: string): Promise<RegistryText> {
  try {
    return JSON.parse(await readFile(join(base, "plugins", "registry.json"), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { plugins: { sources: {}, sinks: {}, functions: {} } }; // nothing was ever installed
  }
}

/** Every file, and every folder that has nothing in it. */
async function filesBelow(folder: string, prefix: string): Promise<string[]> {
  const items = await readdir(folder, { withFileTypes: true });
  const nested = items.map(async (item) => {
    const path = `${prefix}/${item.name}`;
    if (!item.isDirectory()) return [path];
    const inside = await filesBelow(join(folder, item.name), path);
    return inside.length === 0 ? [`${path}/ (empty)`] : inside;
  });
  return (await Promise.all(nested)).flat();
}

async function sha256Of(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
