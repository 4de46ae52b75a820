import type { PackageSource } from "../domain/install-request.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Downloader } from "../fetch/downloader.ts";
import { moveFile } from "../lib/files.ts";
import type { ChangeRun } from "./change-run.ts";

/** A zip of which nothing has been believed yet. */
export interface ObtainedZip {
  readonly file: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A zip that is on the disk, and what was proven of it: undefined where nothing was requested, nor signed. */
export interface FetchedZip extends ObtainedZip {
  readonly verified: Verified | undefined;
}

/**
 * Gets the zip of a package: downloads it into `file`, which must not be there yet, or moves there the one that a
 * client sent.
 *
 * @throws PluginError DOWNLOAD_FAILED, STORAGE_FULL, STORAGE_FAILED; the signal's reason; the file system's error
 */
export async function obtainZip(
  source: PackageSource,
  file: string,
  run: Pick<ChangeRun, "signal" | "log" | "bytes">,
  downloader: Downloader,
): Promise<ObtainedZip> {
  if (source.kind === "upload") {
    const { sha256, bytes } = source.zip;
    await moveFile(source.zip.file, file);
    return { file, sha256, bytes };
  }
  const { signal, log } = run;
  const onProgress = (done: number, total?: number) => run.bytes(done, total);
  return { file, ...(await downloader.download(source.uri, file, { signal, log, onProgress })) };
}
