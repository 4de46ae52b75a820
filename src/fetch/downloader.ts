import type { Config } from "../config/schema.ts";
import { PluginError, prefixed } from "../domain/errors.ts";
import type { PluginUri } from "../domain/plugin-uri.ts";
import { type SizeLimit, settingLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { withTimeLimit } from "../lib/signals.ts";
import { DownloadFailure } from "./failure.ts";
import { copyFile } from "./file.ts";
import { FileTarget, type Filled } from "./file-target.ts";
import { createHostRule } from "./hosts.ts";
import { createProxyRule, type ProxySettings } from "./proxy.ts";
import { downloadHttp, type HttpRules } from "./resume.ts";
import { createTlsAuthorities } from "./tls.ts";

/** The bytes and the SHA-256 (hex) of a file that was downloaded. */
export type Downloaded = Filled;

export interface DownloaderOptions {
  readonly config: Config["pluginDownload"];
  readonly proxy: ProxySettings;
  /** Where relative paths of the configuration start. */
  readonly baseFolder: string;
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** In the place of `pluginDownload.maxBytes`. */
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

/**
 * Built on node:http rather than on undici: undici 7 ends the whole process when a host resets a connection at a
 * moment at which its body is not being read (nodejs/undici#5360, mended only in undici 8, which needs Node 22).
 */
export function createDownloader({ config, proxy, baseFolder }: DownloaderOptions): Downloader {
  const rules: HttpRules = {
    ...config,
    isAllowedHost: createHostRule(config.allowedHosts),
    proxyFor: createProxyRule(proxy),
    trust: createTlsAuthorities(config.ca, baseFolder),
  };
  const zipLimit = settingLimit("pluginDownload.maxBytes", config.maxBytes, (words) => new DownloadFailure(words));
  const running = new Map<AbortController, Promise<unknown>>();
  let closed = false;

  async function fetchInto(uri: PluginUri, target: FileTarget, options: DownloadOptions): Promise<void> {
    if (uri.url.protocol === "file:") {
      const { allowedFolders } = config;
      await copyFile(uri.url, target, { allowedFolders, baseFolder }, options);
    } else await downloadHttp(uri.url, target, rules, options);
  }

  async function download(uri: PluginUri, file: string, options: DownloadOptions, signal: AbortSignal) {
    const seconds = config.timeoutSeconds;
    const tooSlow = () => new DownloadFailure(`it took longer than ${seconds} s (pluginDownload.timeoutSeconds)`);
    let target: FileTarget | undefined;
    try {
      return await withTimeLimit(signal, seconds * 1000, tooSlow, async (limited) => {
        target = await FileTarget.create(file, options.limit ?? zipLimit);
        await fetchInto(uri, target, { ...options, signal: limited });
        limited.throwIfAborted();
        return await target.finish();
      });
    } catch (error) {
      await target?.discard();
      throw translated(error, uri, options.signal);
    }
  }

  return {
    async download(uri, file, options) {
      const controller = new AbortController();
      const stop = () => controller.abort(cancellation(options.signal));
      if (closed || options.signal.aborted) stop();
      options.signal.addEventListener("abort", stop, { once: true });
      const result = download(uri, file, options, controller.signal);
      running.set(
        controller,
        result.catch(() => {}),
      );
      try {
        return await result;
      } finally {
        running.delete(controller);
        options.signal.removeEventListener("abort", stop);
      }
    },
    async close() {
      closed = true;
      const ends = [...running.values()];
      for (const controller of running.keys()) controller.abort(new DownloadFailure("the download was cancelled"));
      await Promise.all(ends);
    },
  };
}

/** Whether a download failed because the host, or the disk, says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  return error instanceof PluginError && error.cause instanceof DownloadFailure && error.cause.absent;
}

function cancellation(signal: AbortSignal): Error {
  if (signal.reason instanceof PluginError) return signal.reason;
  return new DownloadFailure("the download was cancelled", { cause: signal.reason });
}

function translated(error: unknown, uri: PluginUri, signal: AbortSignal): unknown {
  const prefix = `fail to download file ${uri.redacted}: `;
  if (error instanceof DownloadFailure) {
    return new PluginError("DOWNLOAD_FAILED", prefix + error.message, { cause: error });
  }
  if (!(error instanceof PluginError) || error === signal.reason) return error;
  return prefixed(error, prefix);
}
