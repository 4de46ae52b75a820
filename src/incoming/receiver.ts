import { randomUUID } from "node:crypto";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Config } from "../config/schema.ts";
import { orStorageFailure, PluginError } from "../domain/errors.ts";
import type { ReceivedZip } from "../domain/install-request.ts";
import { FileTarget } from "../fetch/file-target.ts";
import { makeFolder } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import { settingLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { Deadline } from "../lib/signals.ts";
import { writeWhole } from "./streams.ts";

interface ReceiveOptions {
  readonly signal: AbortSignal;
  /** `upload`, or `upload of random.zip`: for replies, the log and the registry. */
  readonly origin: string;
  readonly log: Log;
}

/** Receives what clients send into files of one folder. */
export interface Receiver {
  /**
   * Reads `stream` to its end into a new file with mode 0600. After a failure the file is gone and the rest of the
   * stream unread, see streams.ts.
   *
   * @throws PluginError TOO_BUSY, BODY_TOO_LARGE, REQUEST_TIMEOUT, UPLOAD_INVALID (it broke off), STORAGE_FULL,
   * STORAGE_FAILED; a PluginError that the stream fails with; the signal's reason
   */
  receive(stream: Readable, options: ReceiveOptions): Promise<ReceivedZip>;
  /**
   * Removes the file, unless it was moved away. Never throws. To be called for every file when it is no longer needed:
   * until then it counts against `uploads.maxTotalBytes`.
   */
  discard(zip: ReceivedZip): Promise<void>;
  /**
   * Removes what an earlier process left. On startup, before anything is received.
   *
   * @throws PluginError STORAGE_FAILED
   */
  clear(): Promise<void>;
}

interface ReceiverOptions {
  /** Where the files are until they are moved away. It is made when it is needed. */
  readonly folder: string;
  readonly config: Pick<Config["uploads"], "maxConcurrent" | "maxTotalBytes" | "timeoutSeconds" | "idleTimeoutSeconds">;
  /** `uploads.maxBytes` */
  readonly maxBytes: number;
  /** Told of each file that was received. */
  readonly onReceived?: (bytes: number) => void;
}

export function createReceiver({ folder, config, maxBytes, onReceived }: ReceiverOptions): Receiver {
  const { maxConcurrent, maxTotalBytes, timeoutSeconds, idleTimeoutSeconds } = config;
  const limit = settingLimit("uploads.maxBytes", maxBytes, (message) => new PluginError("BODY_TOO_LARGE", message));
  // Enough for one file of the largest size, or else it could never be accepted.
  const held = new HeldBytes(Math.max(maxBytes, maxTotalBytes), () => tooMuch(maxTotalBytes));
  let receiving = 0;

  async function receive(stream: Readable, { signal, origin, log }: ReceiveOptions): Promise<ReceivedZip> {
    const file = await newFile(folder);
    const target = await FileTarget.create(file, limit);
    const write = async (chunk: Uint8Array) => {
      held.add(file, chunk.length); // before it is on the disk
      await target.write(chunk);
    };
    try {
      using time = new Deadline(signal, timeoutSeconds * 1000, () => tooSlow(timeoutSeconds));
      await writeWhole(stream, write, { signal: time.signal, idleTimeoutSeconds });
      const { sha256, bytes } = await target.finish();
      log.debug({ sha256, bytes }, "zip received");
      onReceived?.(bytes);
      return { file, sha256, bytes, origin };
    } catch (error) {
      await target.discard();
      held.release(file);
      throw error;
    }
  }

  return {
    async receive(stream, options) {
      if (receiving >= maxConcurrent) throw tooBusy(maxConcurrent);
      receiving += 1;
      try {
        return await receive(stream, options);
      } finally {
        receiving -= 1;
      }
    },
    async discard({ file }) {
      await rm(file, { force: true }).catch(() => {});
      held.release(file);
    },
    async clear() {
      await orStorageFailure(async () => {
        if (!(await isThere(folder))) return;
        for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
      });
    },
  };
}

async function newFile(folder: string): Promise<string> {
  await orStorageFailure(async () => {
    if (!(await isThere(folder))) await makeFolder(folder, 0o700);
  });
  return join(folder, `${randomUUID()}.zip`);
}

/** @throws PluginError STORAGE_FAILED: what is behind a link is not ours to fill and clear */
async function isThere(folder: string): Promise<boolean> {
  try {
    if (!(await lstat(folder)).isSymbolicLink()) return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  throw new PluginError("STORAGE_FAILED", `${folder} is a link; move it away and try again`);
}

function tooMuch(maxTotalBytes: number): PluginError {
  const total = "all files that are being received or wait to be installed would have more bytes than";
  return new PluginError("TOO_BUSY", `${total} uploads.maxTotalBytes (${maxTotalBytes}) allows; try again later`);
}

function tooBusy(maxConcurrent: number): PluginError {
  const uploads = `${maxConcurrent} uploads are being received already (uploads.maxConcurrent)`;
  return new PluginError("TOO_BUSY", `${uploads}; try again in a moment`);
}

function tooSlow(seconds: number): PluginError {
  return new PluginError("REQUEST_TIMEOUT", `it took longer than ${seconds} s (uploads.timeoutSeconds)`);
}

/**
 * The bytes of all files that were received and not discarded, be they incomplete, waiting or in use: a long queue of
 * changes must not fill the disk.
 */
class HeldBytes {
  readonly #max: number;
  readonly #exceeded: () => Error;
  readonly #files = new Map<string, number>();
  #total = 0;

  constructor(max: number, exceeded: () => Error) {
    this.#max = max;
    this.#exceeded = exceeded;
  }

  /** @throws `exceeded()` when all files together would have more than the maximum; nothing is added then */
  add(file: string, bytes: number): void {
    if (this.#total + bytes > this.#max) throw this.#exceeded();
    this.#total += bytes;
    this.#files.set(file, (this.#files.get(file) ?? 0) + bytes);
  }

  release(file: string): void {
    this.#total -= this.#files.get(file) ?? 0;
    this.#files.delete(file);
  }
}
