import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ElfImage, readElf } from "../../src/inspect/elf/image.ts";
import { type FileBytes, withFile } from "../../src/inspect/file-bytes.ts";
import { createInspector, type Inspection, type InspectOptions } from "../../src/inspect/inspector.ts";
import { type PluginReading, readPlugin } from "../../src/inspect/plugin-facts.ts";
import { type GoContents, goElf, RUNTIME } from "../support/go-elf.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Writes a file for the time of the test. */
export async function fileOf(bytes: Buffer | string, name = "plugin.so", folder?: string): Promise<string> {
  const path = join(folder ?? (await tempFolder()), name);
  await writeFile(path, bytes);
  return path;
}

export async function withBytes<T>(bytes: Buffer, use: (file: FileBytes) => Promise<T>): Promise<T> {
  return (await withFile(await fileOf(bytes), use)) as T;
}

export async function withImage<T>(bytes: Buffer, use: (image: ElfImage) => Promise<T>): Promise<T> {
  return await withBytes(bytes, async (file) => {
    const image = await readElf(file);
    if (image === undefined) throw new Error("this is no ELF file");
    return await use(image);
  });
}

export async function readingOf(bytes: Buffer): Promise<PluginReading | undefined> {
  return await withBytes(bytes, readPlugin);
}

/** A plugin of the package example.com/random with a function Random. */
export const PLUGIN: GoContents = {
  pluginPath: "example.com/random",
  packages: { runtime: RUNTIME, "example.com/random": "1111111111111111" },
  exports: ["example.com/random.Random"],
};

/** An engine that such a plugin fits. */
export const ENGINE: GoContents = {
  type: 2,
  packages: { runtime: RUNTIME, main: "2222222222222222" },
  buildInfo: { goVersion: "go1.19.8", modules: "mod\texample.com/engine\t(devel)\t\nbuild\t-compiler=gc\n" },
};

export const plugin = (changes: Partial<GoContents> = {}) => goElf({ ...PLUGIN, ...changes });
export const engine = (changes: Partial<GoContents> = {}) => goElf({ ...ENGINE, ...changes });

/** Inspects a plugin against an engine's binary, or none. */
export async function inspect(
  pluginBytes: Buffer | string,
  engineBytes: Buffer | string | undefined,
  { wanted = ["Random"], ...options }: InspectOptions & { readonly wanted?: readonly string[] } = {},
): Promise<Inspection> {
  const folder = await tempFolder();
  if (engineBytes !== undefined) await fileOf(engineBytes, "engine", folder);
  const so = await fileOf(pluginBytes, "random.so", folder);
  const inspector = createInspector({ config: { binary: "engine", verify: "warn" }, baseFolder: folder, env: {} });
  return await inspector.inspect(so, wanted, options);
}

export const codesOf = ({ problems }: Inspection) => problems.map(({ code }) => code);
