import { setTimeout as delay } from "node:timers/promises";
import { isHeaderValue } from "../lib/header-value.ts";
import type { Log } from "../lib/log.ts";
import type { Client } from "./client.ts";
import { FetchFailure, unexpectedEnd } from "./failure.ts";
import type { FileTarget } from "./file-target.ts";
import type { Reply } from "./reply.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;
/** Object stores say 403 for what is not there to those who may not list it. */
const ABSENT: readonly number[] = [403, 404, 410];

interface HttpOptions {
  readonly client: Client;
  readonly maxRetries: number;
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
 * @throws FetchFailure, PluginError when it can't be stored, or the signal's reason
 */
export async function downloadHttp(url: URL, target: FileTarget, options: HttpOptions): Promise<void> {
  const { client, maxRetries, signal, log, onProgress } = options;
  let resumable: Resumable | undefined;

  const get = (headers: Record<string, string> = {}) => client.get(url, { headers, signal, log });

  async function fetchRest(): Promise<void> {
    let reply: Reply;
    if (resumable !== undefined && target.bytes > 0) {
      reply = await get({ range: `bytes=${target.bytes}-`, "if-range": resumable.validator });
      if (continues(reply, target.bytes, resumable)) return await read(reply, resumable.total);
      if (reply.status === 206 || reply.status === 416) {
        reply.discard();
        reply = await get();
      }
    } else reply = await get();

    if (reply.status !== 200) {
      reply.discard();
      throw statusFailure(reply);
    }
    if (target.bytes > 0) await target.restart();
    const total = reply.contentLength;
    resumable = asResumable(reply, total);
    if (total !== undefined && total > target.limit.bytes) reply.discard();
    target.expect(total ?? 0);
    await read(reply, reply.isEncoded ? undefined : total);
  }

  async function read(reply: Reply, total: number | undefined): Promise<void> {
    await reply.read({
      limit: target.limit,
      async write(chunk) {
        await target.write(chunk);
        onProgress?.(target.bytes, total);
      },
    });
    if (total !== undefined && target.bytes !== total) throw unexpectedEnd();
  }

  for (let retries = 0; ; retries++) {
    try {
      return await fetchRest();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FetchFailure && error.retry) || retries >= maxRetries) throw error;
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

/** Whether `reply` is exactly the rest of the file of which `bytes` are there. */
function continues(reply: Reply, bytes: number, { validator, total }: Resumable): boolean {
  const { etag, "content-range": range } = reply.headers;
  return (
    reply.status === 206 &&
    range === `bytes ${bytes}-${total - 1}/${total}` &&
    !reply.isEncoded &&
    (etag === undefined || !validator.startsWith('"') || etag === validator)
  );
}

function asResumable(reply: Reply, total: number | undefined): Resumable | undefined {
  const validator = strongValidator(reply);
  const hasRanges = reply.headers["accept-ranges"]?.toLowerCase() === "bytes";
  if (!hasRanges || validator === undefined || total === undefined || reply.isEncoded) return undefined;
  return { validator, total };
}

/** RFC 9110, 8.8: a date says nothing about changes within its own second, so it must be older than the reply. */
function strongValidator({ headers }: Reply): string | undefined {
  const { etag, "last-modified": modified, date } = headers;
  if (etag !== undefined) return etag.startsWith('"') && isHeaderValue(etag) ? etag : undefined;
  if (modified === undefined) return undefined;
  const age = Date.parse(date ?? "") - Date.parse(modified);
  return age >= 1000 && isHeaderValue(modified) ? modified : undefined;
}

function statusFailure({ status, sentStatusLine }: Reply): FetchFailure {
  return new FetchFailure(`cannot download the file with status: ${sentStatusLine}`, {
    retry: [502, 503, 504].includes(status),
    absent: ABSENT.includes(status),
    answered: true,
  });
}
