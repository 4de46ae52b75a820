import { createHash } from "node:crypto";
import { PluginError } from "../../domain/errors.ts";
import type { InstalledFile, KeptVersion, PluginEntry } from "../../domain/plugin-entry.ts";
import { printable } from "../../lib/text.ts";

/** Which of the earlier versions; neither is the previous one. */
export interface WantedVersion {
  readonly id?: string | null | undefined;
  /** With or without the leading `v`. Of several, the latest is meant. */
  readonly version?: string | null | undefined;
}

/**
 * The earlier version that a rollback is to bring back.
 *
 * @throws PluginError VERSION_NOT_FOUND with a sentence that lists what there is
 */
export function findVersion(entry: PluginEntry, { id, version }: WantedVersion = {}): KeptVersion {
  const versions = entry.versions ?? [];
  const label = version?.replace(/^v/, "");
  const found = versions.find((kept) => (id == null || kept.id === id) && (label == null || kept.version === label));
  if (found !== undefined) return found;
  if (versions.length === 0) throw notFound("no earlier version of it is kept");
  const wanted = [wantedLabel(label), id == null ? "" : `with id ${printable(id)}`];
  const isCurrent = id == null && label === entry.version ? "; it is the one that is installed" : "";
  const names = versions.map(
    (kept) => `${kept.version === "" ? "one without a version" : kept.version} (id ${kept.id})`,
  );
  throw notFound(`no ${wanted.join(" ").trim()} is kept${isCurrent}; there is ${names.join(", ")}`);
}

/**
 * The earlier versions after a change, the latest first: none of them twice, none that is installed.
 *
 * @param replaced the version that was installed so far, where it can be kept
 * @param installedId the version that is installed now
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
  if (label === undefined) return "version";
  return label === "" ? "version without a number" : `version ${printable(label)}`;
}

function notFound(sentence: string): PluginError {
  return new PluginError("VERSION_NOT_FOUND", sentence);
}

const ID_LENGTH = 12;

/**
 * Names a version by its files: the same for the same paths with the same contents, in whatever order. A default that
 * lies beside a file that a user edited is none of the version's own files.
 */
export function versionId({ files }: { readonly files: readonly InstalledFile[] }): string {
  const own = files.filter(({ defaultOf }) => defaultOf === undefined);
  const lines = own.map(({ path, sha256 = "" }) => `${path}\0${sha256}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex").slice(0, ID_LENGTH);
}
