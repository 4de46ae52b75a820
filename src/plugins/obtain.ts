import { rm } from "node:fs/promises";
import { PluginError, prefixed } from "../domain/errors.ts";
import type { InstallRequest, PackageSource } from "../domain/install-request.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import { type PluginUri, shownUri } from "../domain/plugin-uri.ts";
import { type Downloader, isAbsent } from "../fetch/downloader.ts";
import { moveFile } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import { readSmallFile } from "../lib/small-file.ts";
import { SIGNATURE_LIMIT } from "../package/trust/signature.ts";
import type { SignatureProof, Trust } from "../package/trust/trust.ts";
import type { ChangeRun } from "./change-run.ts";

/** A zip of which nothing has been believed yet. */
interface ObtainedZip {
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

interface VerifyOptions {
  readonly downloader: Downloader;
  readonly trust: Trust;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Compares a zip with the checksum and the signature that its request names, before anything of it is unpacked.
 *
 * @returns undefined when the request names no checksum and there is no signature
 * @throws PluginError CHECKSUM_MISMATCH, SIGNATURE_INVALID, SIGNATURE_REQUIRED, STORAGE_FULL, STORAGE_FAILED; the
 * signal's reason; the file system's error
 */
export async function verifyZip(
  zip: ObtainedZip,
  request: InstallRequest,
  options: VerifyOptions,
): Promise<Verified | undefined> {
  compareChecksum(zip, request);
  const signature = await proveSignature(request, zip.file, options);
  if (request.sha256 === undefined && signature === undefined) return undefined;
  return {
    ...(request.sha256 === undefined ? {} : { sha256: true }),
    ...(signature === undefined ? {} : { signature }),
  };
}

function compareChecksum({ sha256 }: ObtainedZip, { source, sha256: wanted }: InstallRequest): void {
  if (wanted === undefined || wanted === sha256) return;
  throw new PluginError(
    "CHECKSUM_MISMATCH",
    `fail to verify file ${source.origin}: its sha256 is ${sha256}, the request asks for ${wanted}; ` +
      "nothing was unpacked. Check which one is correct",
  );
}

/** A signature and the file that it is from, or why there is none. */
type Found =
  | { readonly signature: Buffer; readonly from?: string }
  | { readonly lacking: string; readonly cause?: unknown };

/**
 * Checks the signature of the zip that is in `zipFile`: the one of the request, else that in the file `<zip>.sig`
 * beside the zip that was downloaded, which is looked for only where it would count.
 *
 * @returns undefined when there is none, and none is required
 * @throws PluginError SIGNATURE_INVALID, SIGNATURE_REQUIRED, STORAGE_FULL, STORAGE_FAILED; the signal's reason
 */
async function proveSignature(
  request: InstallRequest,
  zipFile: string,
  options: VerifyOptions,
): Promise<SignatureProof | undefined> {
  const { trust, signal } = options;
  const prefix = `fail to verify file ${request.source.origin}`;
  const found = await findSignature(request, zipFile, options);
  if ("signature" in found) {
    const by = found.from === undefined ? "" : ` by ${found.from}`;
    return await trust.verify(zipFile, found.signature, signal).catch((error) => {
      throw error instanceof PluginError && error !== signal.reason ? prefixed(error, `${prefix}${by}: `) : error;
    });
  }
  if (!trust.required) return undefined;
  throw new PluginError(
    "SIGNATURE_REQUIRED",
    `${prefix}: ${found.lacking}, and trust.require refuses plugins without one. Sign the zip by a key of etc/trust, and ` +
      'give the signature in the request ("signature", in base64) or in a file beside the zip, with .sig after its name',
    { cause: found.cause },
  );
}

async function findSignature(request: InstallRequest, zipFile: string, options: VerifyOptions): Promise<Found> {
  const { source, signature } = request;
  if (signature !== undefined) return { signature };
  if (source.kind === "upload") return { lacking: "it came without a signature" };
  if (!(await options.trust.looksForSignatures())) return { lacking: "no signature is looked for" };
  return await fetchSignature(beside(source.uri), `${zipFile}.sig`, options);
}

/** Fetches by the rules of all downloads: the same hosts and folders, proxies, certificates and credentials. */
async function fetchSignature(
  uri: PluginUri,
  file: string,
  { downloader, trust, signal, log }: VerifyOptions,
): Promise<Found> {
  try {
    await downloader.download(uri, file, { signal, log, limit: SIGNATURE_LIMIT });
    return { signature: await readSmallFile(file, SIGNATURE_LIMIT.bytes), from: uri.redacted };
  } catch (cause) {
    if (!(cause instanceof PluginError) || cause.code !== "DOWNLOAD_FAILED" || signal.aborted) throw cause;
    if (isAbsent(cause)) return { lacking: `there is no signature at ${uri.redacted}`, cause };
    if (!trust.required) log.warn({ reason: cause.message }, "a signature could not be fetched: installing without");
    return { lacking: `its signature could not be fetched (${cause.message})`, cause };
  } finally {
    await rm(file, { force: true });
  }
}

/** The address of the signature of a zip. A query goes with it, since it may be what opens the host's door. */
function beside({ url }: PluginUri): PluginUri {
  const signature = new URL(url);
  signature.pathname += ".sig";
  return { url: signature, redacted: shownUri(signature.href) };
}
