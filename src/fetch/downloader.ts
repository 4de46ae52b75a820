import type { Config } from "../config/schema.ts";
import { PluginError, prefixed } from "../domain/errors.ts";
import type { PluginUri } from "../domain/plugin-uri.ts";
import { type SizeLimit, settingLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { Deadline, LinkedSignal } from "../lib/signals.ts";
import type { Client } from "./client.ts";
import { FetchFailure } from "./failure.ts";
import { copyFile } from "./file.ts";
import { FileTarget, type Filled } from "./file-target.ts";
import { downloadHttp } from "./resume.ts";

/** The bytes and the SHA-256 (hex) of a file that was downloaded. */
export type Downloaded = Filled;

interface DownloaderOptions {
  readonly client: Client;
  readonly config: Pick<Config["pluginDownload"], "allowedFolders" | "maxBytes" | "maxRetries" | "timeoutSeconds">;
  /** Where relative `allowedFolders` start. */
  readonly baseFolder: string;
}

interface DownloadOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Instead of `pluginDownload.maxBytes`. */
  readonly limit?: SizeLimit | undefined;
  /** Called with the bytes so far, and the whole if it is known; they fall back to 0 when it has to start again. */
  readonly onProgress?: ((bytes: number, total?: number) => void) | undefined;
}

export interface Downloader {
  /**
   * Downloads into `file`, which must not be there yet, with mode 0600. It is not synced to the disk. After a failure
   * it is gone.
   *
   * @throws PluginError DOWNLOAD_FAILED (see `isAbsent`), STORAGE_FULL, STORAGE_FAILED; the error of `limit` and the
   * signal's reason if they are PluginErrors
   */
  download(uri: PluginUri, file: string, options: DownloadOptions): Promise<Downloaded>;
  /** Ends what is running and waits for it. Downloads begun afterwards are refused. */
  close(): Promise<void>;
}

export function createDownloader({ client, config, baseFolder }: DownloaderOptions): Downloader {
  const { allowedFolders, maxRetries, timeoutSeconds } = config;
  const zipLimit = settingLimit("pluginDownload.maxBytes", config.maxBytes, (message) => new FetchFailure(message));
  const running = new Set<Promise<unknown>>();
  const closing = new AbortController();

  async function download(uri: PluginUri, file: string, options: DownloadOptions): Promise<Downloaded> {
    using linked = new LinkedSignal(options.signal, closing.signal);
    let target: FileTarget | undefined;
    try {
      using deadline = new Deadline(linked.signal, timeoutSeconds * 1000, tooSlow);
      const { signal } = deadline;
      target = await FileTarget.create(file, options.limit ?? zipLimit);
      if (uri.url.protocol === "file:") {
        await copyFile(uri.url, target, { allowedFolders, baseFolder }, { ...options, signal });
      } else await downloadHttp(uri.url, target, { ...options, client, maxRetries, signal });
      signal.throwIfAborted();
      return await target.finish();
    } catch (error) {
      await target?.discard();
      const { signal } = linked;
      throw translated(signal.aborted && error === signal.reason ? cancellation(error) : error, uri, options.signal);
    }
  }

  function tooSlow(): FetchFailure {
    return new FetchFailure(`it took longer than ${timeoutSeconds} s (pluginDownload.timeoutSeconds)`);
  }

  return {
    async download(uri, file, options) {
      const result = download(uri, file, options);
      const settled = result.catch(() => {});
      running.add(settled);
      try {
        return await result;
      } finally {
        running.delete(settled);
      }
    },
    async close() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** Whether a download failed because the host, or the disk, says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  return error instanceof PluginError && error.cause instanceof FetchFailure && error.cause.absent;
}

/** @param reason that of a signal: anything */
function cancellation(reason: unknown): Error {
  return reason instanceof PluginError ? reason : new FetchFailure("the download was cancelled", { cause: reason });
}

function translated(error: unknown, { redacted }: PluginUri, signal: AbortSignal): unknown {
  const prefix = `fail to download file ${redacted}: `;
  if (error instanceof FetchFailure)
    return new PluginError("DOWNLOAD_FAILED", prefix + error.message, { cause: error });
  if (!(error instanceof PluginError) || error === signal.reason) return error;
  return prefixed(error, prefix);
}
