import http, { type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../lib/log.ts";
import { printable } from "../lib/text.ts";
import { contentCodings, readBody } from "./body.ts";
import { discard, get, type RequestRules } from "./client.ts";
import { DownloadFailure } from "./failure.ts";
import type { FileTarget } from "./file-target.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;
/** Object stores say 403 for what is not there to those who may not list it. */
const ABSENT: readonly number[] = [403, 404, 410];

export interface HttpRules extends RequestRules {
  readonly maxRetries: number;
}

export interface HttpOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly onProgress?: ((bytes: number, total?: number) => void) | undefined;
}

/** What must still hold for the rest of a file to fit to its beginning. */
interface Resumable {
  /** A strong ETag or Last-Modified, as it is sent in If-Range. */
  readonly validator: string;
  readonly total: number;
}

/**
 * Downloads over http or https. What broke off is tried again up to `maxRetries` times, from where it broke off if
 * the host can do that and still has the same file.
 *
 * @throws DownloadFailure, PluginError when it can't be stored, or the signal's reason
 */
export async function downloadHttp(
  url: URL,
  target: FileTarget,
  rules: HttpRules,
  options: HttpOptions,
): Promise<void> {
  const { signal, log, onProgress } = options;
  let resumable: Resumable | undefined;

  const ask = (headers: Record<string, string>) => get(url, rules, { headers, signal, log });

  async function fetchRest(): Promise<void> {
    let response: IncomingMessage;
    if (resumable !== undefined && target.bytes > 0) {
      response = await ask({ range: `bytes=${target.bytes}-`, "if-range": resumable.validator });
      if (continues(response, target.bytes, resumable)) return await read(response, resumable.total);
      if (response.statusCode === 206 || response.statusCode === 416) {
        discard(response);
        response = await ask({});
      }
    } else response = await ask({});

    if (response.statusCode !== 200) {
      discard(response);
      throw statusFailure(response);
    }
    if (target.bytes > 0) await target.restart();
    const total = contentLength(response);
    resumable = asResumable(response, total);
    if (total !== undefined && total > target.limit.bytes) discard(response);
    target.expect(total ?? 0);
    await read(response, contentCodings(response).length === 0 ? total : undefined);
  }

  async function read(response: IncomingMessage, total: number | undefined): Promise<void> {
    await readBody(response, target, {
      idleTimeoutSeconds: rules.idleTimeoutSeconds,
      onChunk: () => onProgress?.(target.bytes, total),
    });
    if (total !== undefined && target.bytes !== total) throw new DownloadFailure("unexpected EOF", { retry: true });
  }

  for (let retries = 0; ; retries++) {
    try {
      return await fetchRest();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DownloadFailure && error.retry) || retries >= rules.maxRetries) throw error;
      log.warn(
        { reason: error.message, bytes: target.bytes, retry: retries + 1 },
        "the download broke off, trying again",
      );
      await pause(retries, signal);
    }
  }
}

async function pause(retries: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(FIRST_PAUSE_MS * 2 ** retries, LONGEST_PAUSE_MS);
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Whether `response` is exactly the rest of the file of which `bytes` are there. */
function continues(response: IncomingMessage, bytes: number, { validator, total }: Resumable): boolean {
  const { etag, "content-range": range } = response.headers;
  return (
    response.statusCode === 206 &&
    range === `bytes ${bytes}-${total - 1}/${total}` &&
    contentCodings(response).length === 0 &&
    (etag === undefined || !validator.startsWith('"') || etag === validator)
  );
}

function asResumable(response: IncomingMessage, total: number | undefined): Resumable | undefined {
  const validator = strongValidator(response);
  const ranges = response.headers["accept-ranges"]?.toLowerCase() === "bytes";
  if (!ranges || validator === undefined || total === undefined || contentCodings(response).length > 0)
    return undefined;
  return { validator, total };
}

/** RFC 9110, 8.8: a date says nothing about changes within its own second, so it must be older than the reply. */
function strongValidator(response: IncomingMessage): string | undefined {
  const { etag, "last-modified": modified, date } = response.headers;
  if (etag !== undefined) return etag.startsWith('"') ? etag : undefined;
  if (modified === undefined) return undefined;
  const age = Date.parse(date ?? "") - Date.parse(modified);
  return age >= 1000 ? modified : undefined;
}

function contentLength(response: IncomingMessage): number | undefined {
  const length = response.headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

function statusFailure({ statusCode = 0, statusMessage }: IncomingMessage): DownloadFailure {
  const words = printable(statusMessage || http.STATUS_CODES[statusCode] || "").slice(0, 100);
  return new DownloadFailure(`cannot download the file with status: ${`${statusCode} ${words}`.trim()}`, {
    retry: [502, 503, 504].includes(statusCode),
    absent: ABSENT.includes(statusCode),
  });
}
