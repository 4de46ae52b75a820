import { createHash } from "node:crypto";
import type { InstalledFile } from "../domain/plugin-entry.ts";

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
