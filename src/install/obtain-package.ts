import { PluginError } from "../domain/errors.ts";
import type { InstallRequest } from "../domain/install-request.ts";
import type { Log } from "../domain/log.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Progress } from "../domain/progress.ts";
import { moveFile } from "../files/move-file.ts";
import type { Downloader } from "./download/downloader.ts";
import { proveSignature } from "./prove-signature.ts";
import type { Trust } from "./trust/trust.ts";

export interface ObtainOptions {
  readonly downloader: Downloader;
  readonly trust: Trust;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly progress: Progress;
}

/** A zip that is in its place, and what was proven of it. */
export interface Obtained {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** Undefined where the client named no checksum and there is no signature. */
  readonly verified: Verified | undefined;
}

/**
 * Brings a zip into `zipFile`, which must not be there yet: downloads it, or takes over the one that was sent. Then
 * compares its checksum and its signature, so that nothing of another zip is ever unpacked.
 *
 * @throws PluginError DOWNLOAD_FAILED, CHECKSUM_MISMATCH, SIGNATURE_INVALID, SIGNATURE_REQUIRED, STORAGE_FULL,
 * STORAGE_FAILED; the signal's reason; the file system's error
 */
export async function obtainPackage(
  request: InstallRequest,
  zipFile: string,
  options: ObtainOptions,
): Promise<Obtained> {
  const { sha256, bytes } = await fetchZip(request, zipFile, options);
  comparePin(request, sha256);
  const signature = await proveSignature(request, zipFile, options);
  const verified: Verified = {
    ...(request.sha256 === undefined ? {} : { sha256: true }),
    ...(signature === undefined ? {} : { signature }),
  };
  return { sha256, bytes, verified: Object.keys(verified).length === 0 ? undefined : verified };
}

async function fetchZip({ source }: InstallRequest, zipFile: string, options: ObtainOptions) {
  if (source.kind === "upload") {
    await moveFile(source.zip.file, zipFile);
    return source.zip;
  }
  const { downloader, signal, log, progress } = options;
  return await downloader.download(source.uri, zipFile, {
    signal,
    log,
    onProgress: (done, total) => progress.bytes(done, total),
  });
}

function comparePin({ source, sha256: wanted }: InstallRequest, sha256: string): void {
  if (wanted === undefined || wanted === sha256) return;
  throw new PluginError(
    "CHECKSUM_MISMATCH",
    `fail to verify file ${source.shown}: its sha256 is ${sha256}, the request asks for ${wanted}; ` +
      "nothing was unpacked. Look which of the two is right",
  );
}
