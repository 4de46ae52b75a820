import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../domain/errors.ts";
import { readElf } from "../elf/image.ts";
import { withFile } from "../file-bytes.ts";
import { Pace } from "../pace.ts";
import { Unreadable } from "../unreadable.ts";
import { readLibraryCache } from "./library-cache.ts";
import { defaultFolders, type LibrarySearch, ownFolders } from "./library-folders.ts";

/** musl takes these for itself; the loaders are in every process. */
const IN_MUSL = /^(?:lib(?:c|pthread|rt|m|dl|util|xnet)\.|libc\.musl-)/;
const LOADERS = /^(?:ld-linux|ld-musl-|ld64?\.so)/;

/**
 * The libraries of `names` that the loader will not find. A name is not in it when it can't be told, and neither is
 * what a library in turn asks for.
 *
 * @throws what `pace` throws
 */
export async function missingLibraries(
  names: readonly string[],
  search: LibrarySearch,
  pace = new Pace(),
): Promise<string[]> {
  const looked = names.filter(
    (name) => !search.loaded.includes(name) && !LOADERS.test(name) && !(search.libc === "musl" && IN_MUSL.test(name)),
  );
  if (looked.length === 0) return [];
  const find = await openSearch(search);
  const missing: string[] = [];
  for (const name of new Set(looked)) {
    if (pace.isDue()) await pace.keep();
    if ((await find(name)) === "missing") missing.push(name);
  }
  return missing;
}

/** `unclear` where the loader would look in a folder that only it knows. */
type Found = "missing" | "unclear" | { readonly path: string };

/** Gives a function that finds the path of a library: what is the same for all of them is read once. */
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

/** Those of `folders` that are there: most that are named are not. */
async function existing(folders: readonly string[], root: string): Promise<string[]> {
  const there: string[] = [];
  for (const folder of new Set(folders)) {
    try {
      if ((await stat(join(root, folder))).isDirectory()) there.push(folder);
    } catch (error) {
      if (!isAbsence(error)) there.push(folder);
    }
  }
  return there;
}

/** Loaders pass over files for another CPU. What may not be read may still be read by the engine. */
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
