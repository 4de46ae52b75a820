import { type FilePath, type PluginId, soPath, yamlPath } from "../../domain/plugin.ts";
import { isFrom } from "../engine-version.ts";

/** What the installer of an engine's version asks for. Read from its source, of every minor version from 1.0 to 2.4. */
export interface EngineInstaller {
  /** Whether it reads `file:` URLs in its own folder of uploads alone. */
  readonly readsUploadsAlone: boolean;
  /** Whether it has a list of the functions of each plugin, which can be set. */
  readonly hasFunctionLists: boolean;
  /** How many files of the zip have to be a source's .so or yaml, and whether a yaml that is there already counts. */
  readonly source: { readonly counts: number; readonly countsYaml: boolean };
}

export function installerOf(version: string): EngineInstaller {
  return {
    readsUploadsAlone: isFrom(version, 2, 4),
    hasFunctionLists: isFrom(version, 1, 2),
    source: {
      counts: isFrom(version, 2, 2, 1) ? 3 : 2,
      countsYaml: !isFrom(version, 1, 12) || isFrom(version, 1, 12, 3),
    },
  };
}

/**
 * The entries of the zip for that installer, in their order, by the path of the file that each is. It gets nothing but what
 * it counts: it finds the metadata at its place, where our install has put it, and from 2.2.1 on it would make further
 * copies of each file in `data/` that hide what an update installs.
 *
 * The same file is in it twice or three times where it has to count as many: from 1.12 on a yaml that is there is not
 * written, and in 1.12.0 to 1.12.2 not counted; from 2.2.1 on one that is there counts once, and one that is not, twice.
 *
 * @param hasYaml whether the source's yaml is at its place
 */
export function archiveEntries(
  id: PluginId,
  soFile: string,
  hasYaml: boolean,
  { source }: EngineInstaller,
): FilePath[] {
  const so = soPath(id.type, soFile);
  if (id.type !== "sources") return [so];
  const filler = hasYaml && source.countsYaml ? yamlPath(id) : so;
  return [so, ...Array.from({ length: source.counts - 1 }, () => filler)];
}
