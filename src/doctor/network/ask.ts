import type { IncomingHttpHeaders } from "node:http";
import type { Config } from "../../config/schema.ts";
import { type Client, createClient } from "../../fetch/client.ts";
import { FetchFailure } from "../../fetch/failure.ts";
import { SILENT } from "../../lib/log.ts";

/** More than who we are asking for needs for it. */
const MAX_BYTES = 256 * 1024;

export interface Answer {
  readonly status: number;
  readonly statusLine: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface DirectOptions {
  readonly base: string;
  readonly connectTimeoutSeconds: number;
  readonly idleTimeoutSeconds: number;
  readonly verifyTls: boolean;
}

/** A client for the server itself and for the engine, which are asked without a proxy and without the rules for downloads. */
export function directClient(config: Config, { base, ...limits }: DirectOptions): Client {
  const rules = { ...config.pluginDownload, ...limits, allowedHosts: [], ca: "", maxRedirects: 0 };
  return createClient({ config: rules, proxy: {}, baseFolder: base });
}

/** @throws FetchFailure; the signal's reason */
export async function ask(
  client: Client,
  url: URL,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const reply = await client.get(url, { signal, log: SILENT, headers });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const limit = { bytes: MAX_BYTES, exceeded: () => new FetchFailure(`the answer has more than ${MAX_BYTES} bytes`) };
  await reply.read({
    limit,
    async write(chunk) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw limit.exceeded();
      chunks.push(Uint8Array.from(chunk));
    },
  });
  const { status, sentStatusLine: statusLine } = reply;
  return { status, statusLine, headers: reply.headers, text: Buffer.concat(chunks).toString("utf8") };
}
