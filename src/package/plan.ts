import type { Config } from "../config/schema.ts";
import { symbolOf } from "../domain/names.ts";
import {
  extraPath,
  type FilePath,
  isFoundByEngine,
  isSoFileOf,
  jsonPath,
  type PluginId,
  parseSoFileName,
  type SoFile,
  soPath,
  yamlPath,
} from "../domain/plugin.ts";
import { type CheckedEntry, checkedEntries } from "./checked-entries.ts";
import { findCollisions, isAtOrBelow } from "./collisions.ts";
import { isExecutable } from "./entries.ts";
import { insteadOfSo, insteadOfYaml } from "./missing-file.ts";
import { hasRawBytes } from "./raw-path.ts";
import { archiveError, quotedName, refuseIf } from "./refusal.ts";
import { SCRIPT } from "./script/script-text.ts";
import type { ZipArchive, ZipEntry } from "./zip-entry.ts";

const ETC = "etc/";

/** The original's message; what exactly is missing follows it. */
const INCOMPLETE = "invalid zip file: so file or conf file is missing";

/** For a file of the engine's; one that only install.sh can use keeps its bytes as its name. */
const UNKNOWN_ENCODING =
  "its name is not UTF-8, and nothing says in which encoding it is; pack it with a tool that writes names in UTF-8, such as 7z -mcu=on or Python's zipfile";

/** Modes are ours: of the zip's own only "is a program" counts, and that only for the script's helpers. */
const FILE_MODE = 0o644;
const PROGRAM_MODE = 0o755;

/** Where an entry goes: to a file of the engine's folders, into the folder in which install.sh runs, or nowhere. */
type Destination =
  | { readonly kind: "engine"; readonly target: FilePath; readonly mode: number }
  | { readonly kind: "script"; readonly path: string; readonly mode: number }
  | { readonly kind: "none" };

interface PlannedFile {
  readonly entry: ZipEntry;
  readonly place: Destination;
}

export interface PackagePlan {
  /** The file that the engine will load. */
  readonly soFile: SoFile;
  readonly files: readonly PlannedFile[];
  /** Folders that the zip has for install.sh, relative to the script's folder. */
  readonly scriptFolders: readonly string[];
  /** What install.sh does not find in its folder, since the zip has two of it. */
  readonly ambiguous: readonly string[];
  readonly hasScript: boolean;
}

interface NamedEntry extends CheckedEntry, PlannedFile {}

/**
 * Decides where every entry of a zip goes, or refuses the zip as a whole, for every reason that can be known without
 * unpacking it. Pure.
 *
 * @throws PluginError ARCHIVE_INVALID with a message that names the entry
 */
export function planPackage(archive: ZipArchive, id: PluginId, limits: Config["pluginPackage"]): PackagePlan {
  const entries = checkedEntries(archive, limits).map((one) => ({ ...one, place: placeOf(one, id) }));
  const compared = entries.map((named) => ({ ...named, isStrict: isStrict(named) }));
  const ambiguous = findCollisions(compared, limits.maxEntries);

  const contents = entries.filter(({ isFolder }) => !isFolder);
  for (const { entry, path, place } of contents) {
    refuseIf(hasRawBytes(path) && place.kind === "engine", entry, UNKNOWN_ENCODING);
  }
  const soFile = findSoFile(contents, id);
  if (id.type === "sources" && !contents.some(({ path }) => path === yamlName(id))) {
    const found = insteadOfYaml(pathsOf(contents), id);
    throw archiveError(`${INCOMPLETE} (a source should have ${yamlName(id)} at the root of its zip${found})`);
  }
  return {
    soFile,
    files: contents.map(({ entry, path, place }) => ({
      entry,
      place: isAtOrBelow(ambiguous, path) ? NOWHERE : place,
    })),
    scriptFolders: entries
      .filter(({ isFolder, path }) => isFolder && path !== "" && !isInEtc(`${path}/`))
      .filter(({ path }) => !isAtOrBelow(ambiguous, path))
      .map(({ path }) => path),
    ambiguous: [...ambiguous],
    hasScript: contents.some(({ path }) => path === SCRIPT),
  };
}

function isStrict({ path, isFolder, place }: NamedEntry): boolean {
  return !isFolder && (path === SCRIPT || place.kind === "engine");
}

/** @throws PluginError ARCHIVE_INVALID unless there is exactly one .so of the plugin's name */
function findSoFile(contents: readonly NamedEntry[], id: PluginId): SoFile {
  const found = contents.filter(({ path }) => isSoFileOf(path, id.name));
  const upper = symbolOf(id.name);
  for (const { entry, path } of found) {
    refuseIf(path.includes("/"), entry, "its version should have no /");
    const remedy = `name it ${upper}.so, or ${upper}@<version>.so with one @ and no other .so in it`;
    refuseIf(!isFoundByEngine(path), entry, `the engine would list it and never find it: ${remedy}`);
  }
  const [only] = found;
  const soFile = found.length === 1 && only !== undefined ? parseSoFileName(only.path) : undefined;
  if (soFile !== undefined) return soFile;
  const names = found.length === 0 ? "none" : found.map(({ entry }) => quotedName(entry.rawName)).join(" and ");
  const instead = found.length === 0 ? insteadOfSo(pathsOf(contents), id) : "";
  throw archiveError(
    `${INCOMPLETE} (the zip should have one ${upper}.so or ${upper}@<version>.so at its root, it has ${names}${instead})`,
  );
}

function pathsOf(contents: readonly NamedEntry[]): string[] {
  return contents.map(({ path }) => path);
}

const NOWHERE: Destination = { kind: "none" };

/** A folder has no place of its own: it is made for what is in it, and for install.sh. */
function placeOf({ entry, path, isFolder }: CheckedEntry, id: PluginId): Destination {
  if (isFolder) return NOWHERE;
  if (isSoFileOf(path, id.name)) return { kind: "engine", target: soPath(id.type, path), mode: PROGRAM_MODE };
  if (path === yamlName(id) && id.type === "sources") return { kind: "engine", target: yamlPath(id), mode: FILE_MODE };
  if (path === `${id.name}.json`) return { kind: "engine", target: jsonPath(id), mode: FILE_MODE };
  if (isInEtc(path)) {
    return { kind: "engine", target: extraPath(id, path.slice(ETC.length)), mode: FILE_MODE };
  }
  return { kind: "script", path, mode: isExecutable(entry) || path.endsWith(".sh") ? PROGRAM_MODE : FILE_MODE };
}

function yamlName(id: PluginId): string {
  return `${id.name}.yaml`;
}

function isInEtc(path: string): boolean {
  return path.startsWith(ETC);
}
