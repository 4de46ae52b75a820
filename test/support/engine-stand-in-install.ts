import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PluginType } from "../../src/domain/plugin.ts";
import { readZip } from "./read-zip.ts";

/** How an engine's own installer treats what is there. As seen on 1.0.2 and 2.4.0, and read in the versions between. */
export interface InstallHabits {
  /** Since 1.12 a source's yaml that is there stays as it is; before it is replaced. */
  readonly keepsYaml: boolean;
  /** Since 1.12.3 such a yaml counts as one of the files that have to be there. */
  readonly countsKept: boolean;
  /** Since 2.4 a `file:` URL has to be in `data/uploads`, unless the engine is told otherwise. */
  readonly readsUploadsAlone: boolean;
  /** Since 2.2.1 yaml and json are written to `data/` as well, and a new yaml counts as two files. */
  readonly writesData: boolean;
  /** Whether the .so is opened at once, and its reason not to be; before 1.6 it is not looked at. */
  readonly open: (path: string, content: string) => string | undefined;
}

interface Installation {
  readonly base: string;
  readonly type: PluginType;
  readonly name: string;
  /** Of the zip. */
  readonly url: string;
}

/**
 * Unpacks a zip as the engine's own installer does: each file is removed and written anew, and all that it has written is
 * removed again if it fails, whoever had put it there.
 *
 * @returns the name of the .so
 */
export async function installZip(installation: Installation, habits: InstallHabits): Promise<string> {
  const written: string[] = [];
  try {
    return await unpackAndOpen(installation, habits, written);
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    for (const path of written) await rm(path, { force: true });
    throw new Error(`fail to install plugin: ${(error as Error).message}`);
  }
}

async function unpackAndOpen(
  { base, type, name, url }: Installation,
  { keepsYaml, countsKept, writesData, readsUploadsAlone, open }: InstallHabits,
  written: string[],
): Promise<string> {
  const folders = [join(base, "etc", type), ...(writesData ? [join(base, "data", type)] : [])];
  let so: { readonly name: string; readonly path: string; readonly content: string } | undefined;
  let counted = 0;
  const write = async (path: string, data: Buffer) => {
    await replace(path, data);
    written.push(path);
  };
  const uploads = readsUploadsAlone ? join(base, "data", "uploads") : undefined;
  for (const entry of await readZip(await download(url, uploads))) {
    if (type === "sources" && entry.name === `${name}.yaml`) {
      const isThere = existsSync(join(base, "etc", type, entry.name));
      if (!(isThere && keepsYaml)) for (const folder of folders) await write(join(folder, entry.name), entry.data);
      counted += isThere && keepsYaml ? Number(countsKept) : folders.length;
    } else if (entry.name === `${name}.json`) {
      for (const folder of folders) await write(join(folder, entry.name), entry.data);
    } else if (isSoOf(name, entry.name)) {
      so = { name: entry.name, path: join(base, "plugins", type, entry.name), content: entry.data.toString("latin1") };
      await write(so.path, entry.data);
      counted += 1;
    } else if (entry.name.startsWith("etc/") && !entry.name.endsWith("/")) {
      await replace(join(base, "etc", type, name, entry.name.slice(4)), entry.data);
    }
  }
  const expected = type === "sources" ? 1 + folders.length : 1;
  if (so === undefined || counted !== expected) {
    throw new Error(`invalid zip file: expectFiles: ${expected}, got ${counted}`);
  }
  const reason = open(so.path, so.content);
  if (reason !== undefined) throw new Error(`cannot open ${so.path}: plugin.Open("${so.path}"): ${reason}`);
  return so.name;
}

/** What its delete removes: the .so, and the configuration even if it was edited. */
export async function removeFiles(base: string, type: PluginType, name: string, so: string): Promise<void> {
  const paths = [join(base, "plugins", type, so)];
  for (const folder of ["etc", "data"]) {
    for (const suffix of [".yaml", ".json", ""]) paths.push(join(base, folder, type, `${name}${suffix}`));
  }
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

function isSoOf(name: string, file: string): boolean {
  const [own = ""] = file.split("@");
  const spelled = own.endsWith(".so") ? own.slice(0, -3) : own;
  return file.endsWith(".so") && (spelled === name || spelled === name.charAt(0).toUpperCase() + name.slice(1));
}

async function replace(path: string, data: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, data);
}

async function download(url: string, onlyFrom: string | undefined): Promise<Buffer> {
  if (!url.startsWith("file:")) return Buffer.from(await (await fetch(url)).arrayBuffer());
  const path = fileURLToPath(url);
  if (onlyFrom !== undefined && !path.startsWith(`${onlyFrom}/`)) {
    throw new DownloadError(`fail to download file ${url}: file access denied: path must be under ${onlyFrom}`);
  }
  return readFile(path);
}

/** Nothing was installed yet. */
class DownloadError extends Error {}
