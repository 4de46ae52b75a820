import { createCipheriv, createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { Config } from "../../src/config/schema.ts";
import type { PluginError } from "../../src/domain/errors.ts";
import { withoutCredentials } from "../../src/domain/plugin-uri.ts";
import { createClient } from "../../src/fetch/client.ts";
import { createDownloader, type Downloaded, type Downloader } from "../../src/fetch/downloader.ts";
import type { ProxySettings } from "../../src/fetch/proxy.ts";
import { downloadConfig } from "./client.ts";
import { type FileServer, type Reply, startFileServer } from "./file-server.ts";
import { tempFolder } from "./temp-folder.ts";

export interface DownloadBench {
  readonly folder: string;
  /** Where downloads go. */
  readonly file: string;
  readonly downloader: Downloader;
  /** Every log line so far, as JSON. */
  readonly logged: string[];
  fetch(
    url: string,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number, total?: number) => void },
  ): Promise<Downloaded>;
  /** The failure of a download; that nothing is left of its file is checked too. */
  failure(url: string, options?: { signal?: AbortSignal }): Promise<PluginError>;
}

/** A downloader with the default settings but for `settings`, and a folder, both gone after the test. */
export async function downloadBench(
  settings: Partial<Config["pluginDownload"]> = {},
  proxy: ProxySettings = {},
): Promise<DownloadBench> {
  const folder = await tempFolder();
  const config = downloadConfig(settings);
  const client = createClient({ config, proxy, baseFolder: folder });
  const downloader = createDownloader({ client, config, baseFolder: folder });
  onTestFinished(() => downloader.close());
  const logged: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
  const file = join(folder, "plugin.zip");
  const never = new AbortController().signal;

  const fetch: DownloadBench["fetch"] = (url, { signal = never, onProgress } = {}) =>
    downloader.download({ url: new URL(url), redacted: withoutCredentials(url) }, file, { signal, log, onProgress });

  return {
    folder,
    file,
    downloader,
    logged,
    fetch,
    async failure(url, options) {
      const error = await fetch(url, options).then(
        () => new Error("the download succeeded"),
        (reason) => reason,
      );
      if (existsSync(file)) throw new Error("the failed download left its file behind", { cause: error });
      return error;
    },
  };
}

/** A file server for one test. */
export async function serveFiles(...args: Parameters<typeof startFileServer>): Promise<FileServer> {
  const server = await startFileServer(...args);
  onTestFinished(() => server.close());
  return server;
}

/** A server that has one path, `/x.zip`, and its URL. */
export async function serveZip(reply: Reply): Promise<{ server: FileServer; url: string }> {
  const server = await serveFiles({ "/x.zip": reply });
  return { server, url: server.url("/x.zip") };
}

/** Bytes that differ from place to place and can't be compressed, the same ones in every run. */
export function someBytes(length: number): Buffer {
  return createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
