import { PluginError, rethrowPrefixed } from "../domain/errors.ts";
import type { PackageRequest, PackageSource } from "../domain/install-request.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import type { Downloader } from "../fetch/downloader.ts";
import { moveFile } from "../lib/files.ts";
import type { Log } from "../lib/log.ts";
import { SIGNATURE_LIMIT } from "../package/trust/signature.ts";
import type { SignatureProof, Trust } from "../package/trust/trust.ts";
import { type Beside, fetchBeside } from "./beside-zip.ts";
import type { ChangeRun } from "./change-run.ts";
import { proveStatement } from "./stated-plugin.ts";

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
 * Compares a zip with the checksum, and the signature or signed statement, that its request names, before anything of it is unpacked.
 *
 * @returns undefined when the request names no checksum and there is no signature
 * @throws PluginError CHECKSUM_MISMATCH, SIGNATURE_INVALID, SIGNATURE_REQUIRED, STORAGE_FULL, STORAGE_FAILED; the
 * signal's reason; the file system's error
 */
export async function verifyZip(
  zip: ObtainedZip,
  request: PackageRequest,
  options: VerifyOptions,
): Promise<Verified | undefined> {
  compareChecksum(zip, request);
  const signed = await proveSigner(request, zip, options);
  if (request.sha256 === undefined && signed === undefined) return undefined;
  return { ...(request.sha256 === undefined ? {} : { sha256: true }), ...signed };
}

function compareChecksum({ sha256 }: ObtainedZip, { source, sha256: wanted }: PackageRequest): void {
  if (wanted === undefined || wanted === sha256) return;
  throw new PluginError(
    "CHECKSUM_MISMATCH",
    `fail to verify file ${source.origin}: its sha256 is ${sha256}, the request asks for ${wanted}; ` +
      "nothing was unpacked. Check which one is correct",
  );
}

const GIVE_STATEMENT =
  "Sign a statement of its type and name by a key of etc/trust (see docs/api.md), and give it in the request " +
  '("statement", in base64) or in a file beside the zip, with .intoto.jsonl after its name';

const GIVE_SIGNATURE =
  'Sign the zip by a key of etc/trust, and give the signature in the request ("signature", in base64) or in a file ' +
  "beside the zip, with .sig after its name";

/**
 * Checks who signed the zip: by a statement of which plugin it is, or by a signature of its bytes. The latter is that of
 * the request, else that in the file `<zip>.sig` beside the zip that was downloaded, which is looked for only where it
 * would count.
 *
 * @returns undefined when there is neither, and none is required
 * @throws PluginError SIGNATURE_INVALID, SIGNATURE_REQUIRED, STORAGE_FULL, STORAGE_FAILED; the signal's reason
 */
async function proveSigner(
  request: PackageRequest,
  zip: ObtainedZip,
  options: VerifyOptions,
): Promise<Pick<Verified, "signature" | "statement"> | undefined> {
  const { trust } = options;
  const prefix = `fail to verify file ${request.source.origin}`;
  const stated = await proveStatement(request, zip, options);
  if ("proof" in stated) {
    if (request.signature !== undefined)
      await verifySignature(zip.file, { content: request.signature }, prefix, options);
    return stated.proof;
  }
  if (trust.statementRequired) {
    const refusal = `${stated.lacking}, and trust.requireStatement refuses plugins without one. ${GIVE_STATEMENT}`;
    throw new PluginError("SIGNATURE_REQUIRED", `${prefix}: ${refusal}`, { cause: stated.cause });
  }
  const found = await findSignature(request, zip.file, options);
  if ("content" in found) return { signature: await verifySignature(zip.file, found, prefix, options) };
  if (!trust.required) return undefined;
  const refusal = `${found.lacking}, and trust.require refuses plugins without one. ${GIVE_SIGNATURE}`;
  throw new PluginError("SIGNATURE_REQUIRED", `${prefix}: ${refusal}`, { cause: found.cause });
}

async function verifySignature(
  zipFile: string,
  { content, from }: { readonly content: Buffer; readonly from?: string },
  prefix: string,
  { trust, signal }: VerifyOptions,
): Promise<SignatureProof> {
  const by = from === undefined ? "" : ` by ${from}`;
  return await trust.verify(zipFile, content, signal).catch(rethrowPrefixed(`${prefix}${by}: `, signal));
}

/** A signature and the file that it is from, or why there is none. */
type Found = Beside | { readonly content: Buffer };

async function findSignature(request: PackageRequest, zipFile: string, options: VerifyOptions): Promise<Found> {
  const { source, signature } = request;
  const { trust } = options;
  if (signature !== undefined) return { content: signature };
  if (source.kind === "upload") return { lacking: "it came without a signature" };
  if (!(await trust.looksForSignatures())) return { lacking: "no signature is looked for" };
  const kind = { suffix: ".sig", what: "signature", limit: SIGNATURE_LIMIT, isRequired: trust.required };
  return await fetchBeside(source.uri, zipFile, kind, options);
}
