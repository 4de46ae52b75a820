import { createHash } from "node:crypto";
import { PluginError } from "../../domain/errors.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../../domain/plugin-entry.ts";
import { namedVersion } from "../../domain/versions.ts";
import { quoted } from "../../lib/text.ts";

/** Which of the earlier versions; the previous one where neither is given. */
export interface WantedVersion {
  readonly id?: string | null | undefined;
  /** With or without the leading `v`; the latest of several. */
  readonly version?: string | null | undefined;
}

/**
 * The earlier version that a rollback restores.
 *
 * @throws PluginError VERSION_NOT_FOUND with a message that lists the kept versions
 */
export function findVersion(entry: PluginEntry, { id, version }: WantedVersion = {}): KeptVersion {
  const versions = entry.versions ?? [];
  const label = version?.replace(/^v/, "");
  const found = versions.find((kept) => (id == null || kept.id === id) && (label == null || kept.version === label));
  if (found !== undefined) return found;
  if (versions.length === 0) throw notFound("no earlier version of it is kept");
  const wanted = [wantedLabel(label), id == null ? "" : `with id ${quoted(id)}`];
  const isCurrent = id == null && label === entry.version ? "; it is the one that is installed" : "";
  const names = versions.map(
    (kept) => `${kept.version === "" ? "one without a version" : kept.version} (id ${kept.id})`,
  );
  throw notFound(`no ${wanted.join(" ").trim()} is kept${isCurrent}; there is ${names.join(", ")}`);
}

/**
 * The earlier versions after a change, the latest first, without duplicates and without the installed one.
 *
 * @param replaced the version that the change replaces, if it is kept
 * @param installedId the id of the version that is installed now
 * @param keep how many are kept at most
 */
export function versionsAfter(
  replaced: KeptVersion | undefined,
  before: readonly KeptVersion[],
  installedId: string,
  keep: number,
): KeptVersion[] {
  const versions = new Map<string, KeptVersion>();
  for (const version of replaced === undefined ? before : [replaced, ...before]) {
    if (version.id !== installedId && !versions.has(version.id)) versions.set(version.id, version);
  }
  return [...versions.values()].slice(0, keep);
}

function wantedLabel(label: string | undefined): string {
  return label === undefined ? "version" : namedVersion(label);
}

function notFound(message: string): PluginError {
  return new PluginError("VERSION_NOT_FOUND", message);
}

const ID_LENGTH = 12;

/** What has files; nothing changes them while it lives. */
interface WithFiles {
  readonly files: readonly InstalledFile[];
}

const ids = new WeakMap<WithFiles, string>();

/**
 * The id of a version: a hash of the paths and contents of its files, in any order. Defaults beside edited files are left
 * out: whether there are any depends on the user. Made once for as long as the version lives.
 */
export function versionId(version: WithFiles): string {
  const id = ids.get(version) ?? hashOf(version);
  ids.set(version, id);
  return id;
}

/** A version as it is recognised: by the change that installed it, else by its files. */
export interface RecognisedVersion {
  readonly version: string;
  /** See `versionId`. */
  readonly id: string;
  readonly change?: string;
}

export function isVersion(entry: PluginEntry, { change, id }: RecognisedVersion): boolean {
  return (change !== undefined && change === entry.change) || versionId(entry) === id;
}

function hashOf({ files }: WithFiles): string {
  const own = files.filter(({ defaultOf }) => defaultOf === undefined);
  const lines = own.map(({ path, sha256 = "" }) => `${path}\0${sha256}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex").slice(0, ID_LENGTH);
}
