import { type ElfImage, PT_LOAD, readElf } from "../elf/image.ts";
import { type FileBytes, Unreadable } from "../file-bytes.ts";
import type { GoModule } from "./build-info.ts";
import type { LinkSymbols } from "./link-symbols.ts";

/** Every Go program has it; with `-trimpath` the path begins so, otherwise with the folder of Go. */
const RUNTIME_SOURCE = "runtime/proc.go\0";
const MAX_PATH_BYTES = 1024;
const SLASH = "/".charCodeAt(0);
const SOURCES = Buffer.from("/src/");
/** How much is searched: more than an engine has. */
const MAX_BYTES = 256 * 1024 * 1024;
/** How many modules' versions are searched for; a message has no room for more. */
const MAX_MODULES = 3;

/** What the names of source files, which stack traces need, say about a build. */
export interface SourcePaths {
  /** The folder of Go, `""` with `-trimpath`, undefined when it was not found. */
  readonly goRoot: string | undefined;
  /** Versions of modules by their path, such as `v1.2.3`, of those that were asked for and found. */
  readonly versions: ReadonlyMap<string, string>;
}

/** How a plugin was built: what its symbols do not say is searched for in the whole file. Never throws Unreadable. */
export async function readPluginSources(
  file: FileBytes,
  { goRoot }: LinkSymbols,
  modules: readonly GoModule[],
): Promise<SourcePaths> {
  const paths = modules.slice(0, MAX_MODULES).map(({ path, replacedBy }) => replacedBy || path);
  if (goRoot !== undefined && paths.length === 0) return { goRoot, versions: new Map() };
  try {
    const image = await readElf(file);
    const found = image && (await readSourcePaths(image, paths));
    return { goRoot: goRoot ?? found?.goRoot, versions: found?.versions ?? new Map() };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { goRoot, versions: new Map() };
  }
}

/**
 * Searches what the loader maps for the names of source files. It reads nearly the whole file, 25 ms for 50 MB, so it
 * is for when something is wrong already.
 *
 * @param modules paths of the modules whose versions are searched for
 * @throws Unreadable
 */
export async function readSourcePaths(image: ElfImage, modules: readonly string[]): Promise<SourcePaths> {
  let goRoot: string | undefined;
  const versions = new Map<string, string>();
  let left = MAX_BYTES;
  for (const { type, offset, fileBytes } of image.segments) {
    if (type !== PT_LOAD) continue;
    const length = Math.min(fileBytes, left);
    left -= length;
    for await (const { bytes } of image.file.slices(offset, length, { overlap: MAX_PATH_BYTES })) {
      goRoot ??= findGoRoot(bytes);
      for (const path of modules) {
        const version = versions.has(path) ? undefined : findVersion(bytes, path);
        if (version !== undefined) versions.set(path, version);
      }
      if (goRoot !== undefined && versions.size === modules.length) return { goRoot, versions };
    }
  }
  return { goRoot, versions };
}

function findGoRoot(bytes: Buffer): string | undefined {
  for (let hit = bytes.indexOf(RUNTIME_SOURCE); hit !== -1; hit = bytes.indexOf(RUNTIME_SOURCE, hit + 1)) {
    const before = bytes.subarray(Math.max(0, hit - MAX_PATH_BYTES), hit);
    const folder = before.subarray(before.lastIndexOf(0) + 1);
    if (folder.length === 0 && hit > 0) return "";
    const isAbsolute = folder[0] === SLASH && folder.length > SOURCES.length;
    if (isAbsolute && folder.subarray(-SOURCES.length).equals(SOURCES)) {
      return folder.toString("utf8", 0, folder.length - SOURCES.length);
    }
  }
  return undefined;
}

/** Its files are `…/<path>@<version>/file.go`, an upper-case letter of the path being `!` and the letter. */
function findVersion(bytes: Buffer, path: string): string | undefined {
  const escaped = path.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
  for (const spelled of new Set([path, escaped])) {
    const hit = bytes.indexOf(`${spelled}@v`);
    if (hit === -1) continue;
    const start = hit + Buffer.byteLength(spelled) + 1;
    const version = /^(v[\w.+-]{1,128})\//.exec(bytes.toString("latin1", start, start + 132))?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}
