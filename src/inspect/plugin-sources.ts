import { readElf } from "./elf/image.ts";
import type { FileBytes } from "./file-bytes.ts";
import type { GoModule } from "./go/build-info.ts";
import type { LinkSymbols } from "./go/link-symbols.ts";
import { readSourcePaths, type SourcePaths } from "./go/source-paths.ts";
import { Unreadable } from "./pace.ts";

/** How many modules' versions are looked for; a message has no room for more. */
const MAX_MODULES = 3;

/** How a plugin was built: what its symbols do not tell is looked for in all of the file. */
export async function readSources(
  file: FileBytes,
  { goRoot }: LinkSymbols,
  modules: readonly GoModule[],
): Promise<SourcePaths> {
  const wanted = modules.slice(0, MAX_MODULES).map(({ path, replacedBy }) => replacedBy || path);
  if (goRoot !== undefined && wanted.length === 0) return { goRoot, versions: new Map() };
  try {
    const image = await readElf(file);
    const found = image && (await readSourcePaths(image, wanted));
    return { goRoot: goRoot ?? found?.goRoot, versions: found?.versions ?? new Map() };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { goRoot, versions: new Map() };
  }
}
