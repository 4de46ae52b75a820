import { PluginError, rethrowPrefixed } from "../domain/errors.ts";
import type { PackageRequest } from "../domain/install-request.ts";
import type { Downloader } from "../fetch/downloader.ts";
import type { Log } from "../lib/log.ts";
import { PREDICATE_TYPE } from "../package/trust/statement.ts";
import type { StatementProof, Trust } from "../package/trust/trust.ts";
import { fetchBeside } from "./beside-zip.ts";

/** Of the file beside a zip. */
const STATEMENT_SUFFIX = ".intoto.jsonl";

interface Options {
  readonly downloader: Downloader;
  readonly trust: Trust;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** What was proven, or why there is no statement about which plugin the zip is. */
type Stated = { readonly proof: StatementProof } | { readonly lacking: string; readonly cause?: unknown };

/**
 * Checks the signed statement of which plugin a zip is: the one of the request, else that beside the zip that was
 * downloaded. It is looked for only where it would count, and not where the request has a signature that suffices.
 *
 * @throws PluginError SIGNATURE_INVALID where it is wrong in any way, STORAGE_FULL, STORAGE_FAILED; the signal's reason
 */
export async function proveStatement(
  request: PackageRequest,
  zip: { readonly file: string; readonly sha256: string },
  options: Options,
): Promise<Stated> {
  const { source, statement, signature, id } = request;
  const { trust, signal } = options;
  const verify = async (content: Buffer, by = ""): Promise<StatementProof | undefined> => {
    const subject = { id, sha256: zip.sha256 };
    const prefix = `fail to verify file ${source.origin}${by}: `;
    return await trust.verifyStatement(content, subject, signal).catch(rethrowPrefixed(prefix, signal));
  };

  if (statement !== undefined) {
    const proof = await verify(statement);
    if (proof !== undefined) return { proof };
    const reason = `the signed statement is not about a plugin: its predicateType should be ${PREDICATE_TYPE}`;
    throw new PluginError("SIGNATURE_INVALID", `fail to verify file ${source.origin}: ${reason}`);
  }
  const isRequired = trust.statementRequired;
  if (signature !== undefined && !isRequired) return { lacking: "the request has a signature" };
  if (source.kind === "upload") return { lacking: "it came without a signed statement" };
  if (!(await trust.looksForSignatures())) return { lacking: "no signature is looked for" };

  const kind = { suffix: STATEMENT_SUFFIX, what: "signed statement", limit: trust.statementLimit, isRequired };
  const found = await fetchBeside(source.uri, zip.file, kind, options);
  if ("lacking" in found) return found;
  // Some hosts have a page for every address. To take that for no statement gives them nothing: they can send none.
  if (!isJson(found.content)) return { lacking: `what is at ${found.from} is no signed statement` };
  const proof = await verify(found.content, ` by ${found.from}`);
  return proof === undefined ? { lacking: `the statement at ${found.from} is not about a plugin` } : { proof };
}

function isJson(content: Buffer): boolean {
  return content
    .subarray(0, 1024)
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trimStart()
    .startsWith("{");
}
