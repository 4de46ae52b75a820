import { readFile, rm } from "node:fs/promises";
import { PluginError } from "../domain/errors.ts";
import { type PluginUri, shownUri } from "../domain/plugin-uri.ts";
import { type Downloader, isAbsent } from "../fetch/downloader.ts";
import type { SizeLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";

/** A file that a host may have beside a zip. */
interface BesideKind {
  /** What is after the zip's name. */
  readonly suffix: string;
  /** What it is called in messages. */
  readonly what: string;
  readonly limit: SizeLimit;
  /** Whether the zip is refused without it. */
  readonly isRequired: boolean;
}

/** What is in the file and where it is from, or why there is none. */
export type Beside =
  | { readonly content: Buffer; readonly from: string }
  | { readonly lacking: string; readonly cause?: unknown };

/**
 * Fetches the file beside a zip by the rules of all downloads: the same hosts and folders, proxies, certificates and
 * credentials.
 *
 * @param zipFile where the zip is on the disk; the fetched file is there for a moment too
 * @throws PluginError STORAGE_FULL, STORAGE_FAILED, that of `limit`; the signal's reason
 */
export async function fetchBeside(
  zip: PluginUri,
  zipFile: string,
  { suffix, what, limit, isRequired }: BesideKind,
  { downloader, signal, log }: { readonly downloader: Downloader; readonly signal: AbortSignal; readonly log: Log },
): Promise<Beside> {
  const uri = beside(zip, suffix);
  const file = zipFile + suffix;
  try {
    await downloader.download(uri, file, { signal, log, limit });
    return { content: await readFile(file), from: uri.redacted };
  } catch (cause) {
    if (!(cause instanceof PluginError) || cause.code !== "DOWNLOAD_FAILED" || signal.aborted) throw cause;
    if (isAbsent(cause)) return { lacking: `there is no ${what} at ${uri.redacted}`, cause };
    if (!isRequired) log.warn({ reason: cause.message }, `a ${what} could not be fetched: installing without`);
    return { lacking: `its ${what} could not be fetched (${cause.message})`, cause };
  } finally {
    await rm(file, { force: true });
  }
}

/** A query goes with the address, since it may be what opens the host's door. */
function beside({ url }: PluginUri, suffix: string): PluginUri {
  const address = new URL(url);
  address.pathname += suffix;
  return { url: address, redacted: shownUri(address.href) };
}
