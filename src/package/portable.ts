import type { Config } from "../config/schema.ts";
import { checkedEntries } from "./checked-entries.ts";
import { findCollisions } from "./collisions.ts";
import type { PackagePlan } from "./plan.ts";
import { hasRawBytes } from "./raw-path.ts";
import { archiveError, invalidZip, quotedName, refuseIf } from "./refusal.ts";
import { SCRIPT } from "./script/script-text.ts";
import type { ZipArchive } from "./zip-entry.ts";

/** What a portable plugin's zip holds, which the engine unpacks itself. */
export interface PortablePackage {
  readonly hasScript: boolean;
  /** To be unpacked to nowhere: whether the data is what the directory says shows only then. */
  readonly reading: Pick<PackagePlan, "files" | "hasScript" | "scriptFolders">;
}

/**
 * Refuses the zip of a portable plugin that could do harm outside of its folder, or that readers would read differently.
 * What is in it is the engine's business, but for the description that it must have. Pure.
 *
 * @throws PluginError ARCHIVE_INVALID with a message that names the entry
 */
export function checkPortable(archive: ZipArchive, name: string, limits: Config["pluginPackage"]): PortablePackage {
  const entries = checkedEntries(archive, limits);
  const description = `${name}.json`;
  for (const { entry, path } of entries) {
    refuseIf(hasRawBytes(path), entry, "its name is not UTF-8, and nothing says in which encoding it is");
  }
  const compared = entries.map((one) => ({ ...one, isStrict: one.path === description || one.path === SCRIPT }));
  const [ambiguous] = findCollisions(compared, limits.maxEntries);
  if (ambiguous !== undefined) {
    throw invalidZip(`${quotedName(Buffer.from(ambiguous))}: there are two entries of that name`);
  }
  const files = entries.filter(({ isFolder }) => !isFolder).map(({ path }) => path);
  if (!files.includes(description)) {
    throw archiveError(`invalid zip file: a portable plugin should have ${description} at the root of its zip`);
  }
  const contents = entries.filter(({ isFolder }) => !isFolder);
  const read = contents.map(({ entry }) => ({ entry, place: { kind: "none" } as const }));
  return { hasScript: files.includes(SCRIPT), reading: { files: read, hasScript: false, scriptFolders: [] } };
}
