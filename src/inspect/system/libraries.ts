import { realpath, stat } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { hasCode } from "../../lib/errors.ts";
import { readSmallFile } from "../../lib/small-file.ts";
import { FieldReader } from "../elf/fields.ts";
import { readElf } from "../elf/image.ts";
import { TimeBudget, Unreadable, withFile } from "../file-bytes.ts";
import { defaultFolders, type LibrarySearch, ownFolders } from "./library-folders.ts";

/** musl itself stands in for these; the loaders are in every process. */
const IN_MUSL = /^(?:lib(?:c|pthread|rt|m|dl|util|xnet)\.|libc\.musl-)/;
const LOADERS = /^(?:ld-linux|ld-musl-|ld64?\.so)/;

export interface FoundLibraries {
  /** Those that the loader will not find. Where that is unclear a name is not among them. */
  readonly missing: readonly string[];
  /** The files of those that it finds by `LD_LIBRARY_PATH` alone, or that would be another file without it. */
  readonly byPath: readonly string[];
}

/**
 * Searches for the libraries of `names` as the loader will. The libraries that a library needs in turn are not searched
 * for.
 *
 * @throws what `budget` throws
 */
export async function findLibraries(
  names: readonly string[],
  search: LibrarySearch,
  budget = new TimeBudget(),
): Promise<FoundLibraries> {
  const searched = names.filter(
    (name) => !search.loaded.includes(name) && !LOADERS.test(name) && !(search.libc === "musl" && IN_MUSL.test(name)),
  );
  const missing: string[] = [];
  const byPath: string[] = [];
  if (searched.length === 0) return { missing, byPath };
  const find = await openSearch(search);
  const findWithout = search.ldLibraryPath === "" ? find : await openSearch({ ...search, ldLibraryPath: "" });
  for (const name of new Set(searched)) {
    if (budget.shouldYield()) await budget.yield();
    const found = await find(name);
    if (found === "missing") missing.push(name);
    if (found !== "unclear" && found !== "missing" && (await isOther(found, await findWithout(name)))) {
      byPath.push(found.path);
    }
  }
  return { missing, byPath };
}

/** Whether they are two files: folders may be links to each other. */
async function isOther({ path }: FoundFile, without: Found): Promise<boolean> {
  if (typeof without === "string") return without === "missing";
  if (path === without.path) return false;
  const [one, other] = await Promise.all([path, without.path].map((file) => realpath(file).catch(() => file)));
  return one !== other;
}

/** `unclear` where the loader would search a folder that only it knows. */
type Found = "missing" | "unclear" | FoundFile;
interface FoundFile {
  readonly path: string;
}

/** Gives a function that finds the path of a library. What all libraries have in common is read once, here. */
export async function openSearch(search: LibrarySearch): Promise<(name: string) => Promise<Found>> {
  const { root, cpu, libc } = search;
  const own = ownFolders(search);
  const folders = await existing(own.folders, root);
  const usual = await existing(await defaultFolders(search), root);
  const cached = libc === "glibc" ? await readLibraryCache(join(root, "etc/ld.so.cache")) : () => [];

  return async (name) => {
    if (name.includes("/")) return "unclear";
    const inFolder = (folder: string) => join(folder, name);
    for (const path of [...folders.map(inFolder), ...cached(name), ...usual.map(inFolder)]) {
      const real = join(root, path);
      if (await isLibrary(real, cpu)) return { path: real };
    }
    return own.isComplete ? "missing" : "unclear";
  };
}

/** Those of `folders` that exist: most do not. */
async function existing(folders: readonly string[], root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of new Set(folders)) {
    try {
      if ((await stat(join(root, folder))).isDirectory()) found.push(folder);
    } catch (error) {
      if (!isAbsence(error)) found.push(folder);
    }
  }
  return found;
}

/** Loaders ignore files for another CPU. A file without permission for us may be readable to the engine. */
async function isLibrary(path: string, cpu: string): Promise<boolean> {
  try {
    return (await withFile(path, async (file) => (await readElf(file))?.cpu === cpu)) === true;
  } catch (error) {
    return !(error instanceof Unreadable) && !isAbsence(error);
  }
}

function isAbsence(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG");
}

/** Layout from glibc's sysdeps/generic/dl-cache.h; an older layout may come before it. */
const CACHE_MAGIC = Buffer.from("glibc-ld.so.cache1.1");
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
const MAX_CACHE_BYTES = 16 * 1024 * 1024;
const MAX_PATH_BYTES = 4096;

/**
 * Gives a function that returns the paths at which `ldconfig` found a library, for all CPUs. glibc reads this cache and
 * not the folders of /etc/ld.so.conf, so a library that was installed without `ldconfig` is not found by the engine
 * either. Without a cache that can be read, it returns no paths.
 */
async function readLibraryCache(cacheFile: string): Promise<(name: string) => string[]> {
  const none = () => [];
  const cache = await readSmallFile(cacheFile, MAX_CACHE_BYTES).catch(() => undefined);
  if (cache === undefined) return none;
  const start = cache.indexOf(CACHE_MAGIC);
  if (start === -1 || start + HEADER_BYTES > cache.length) return none;
  const bytes = cache.subarray(start);
  const fields = new FieldReader(bytes, { littleEndian: endianness() === "LE", wordBytes: 4 });
  const count = fields.u32(CACHE_MAGIC.length);
  if (HEADER_BYTES + count * ENTRY_BYTES > bytes.length) return none;
  return (name) => pathsOf(name, bytes, fields, count);
}

function pathsOf(name: string, bytes: Buffer, fields: FieldReader, count: number): string[] {
  const searched = Buffer.from(`${name}\0`);
  const paths: string[] = [];
  for (let at = HEADER_BYTES; at < HEADER_BYTES + count * ENTRY_BYTES; at += ENTRY_BYTES) {
    const key = fields.u32(at + 4);
    if (bytes[key] !== searched[0] || !bytes.subarray(key, key + searched.length).equals(searched)) continue;
    const value = bytes.subarray(fields.u32(at + 8)).subarray(0, MAX_PATH_BYTES);
    const end = value.indexOf(0);
    if (end > 0) paths.push(value.toString("utf8", 0, end));
  }
  return paths;
}
