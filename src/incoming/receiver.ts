import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { ReceivedZip } from "../domain/install-request.ts";
import { orStorageFailure } from "../domain/storage-error.ts";
import { FileTarget } from "../fetch/file-target.ts";
import { hasCode } from "../lib/errors.ts";
import { settingLimit } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { withTimeLimit } from "../lib/signals.ts";
import { type PourTarget, pour, withSilenceLimit } from "./pour.ts";

export interface ReceiveOptions {
  readonly signal: AbortSignal;
  /** The origin to show: `upload`, or `upload of random.zip`. */
  readonly origin: string;
  readonly log: Log;
}

/** Takes what clients send into files. */
export interface Receiver {
  /**
   * Reads `stream` to its end into a new file with mode 0600. After a failure the file is gone, and what is left of
   * the stream is unread: it is not destroyed, since an answer may have to go out on the same connection.
   *
   * @throws PluginError TOO_BUSY, BODY_TOO_LARGE, REQUEST_TIMEOUT, UPLOAD_INVALID (it broke off), STORAGE_FULL,
   * STORAGE_FAILED; a PluginError that the stream fails with; the signal's reason
   */
  receive(stream: Readable, options: ReceiveOptions): Promise<ReceivedZip>;
  /**
   * Removes the file, if nobody has taken it over. Never throws. To be called of every file when its work is done,
   * since until then it takes room that others wait for.
   */
  discard(zip: ReceivedZip): Promise<void>;
}

export interface ReceiverOptions {
  /** Where the zips are until somebody takes them over. It is made when it is needed. */
  readonly folder: string;
  readonly config: Pick<Config["uploads"], "maxConcurrent" | "maxTotalBytes" | "timeoutSeconds" | "idleTimeoutSeconds">;
  /** `uploads.maxBytes` */
  readonly maxBytes: number;
}

/** A receiver that keeps its files in one folder of its own. */
export interface FolderReceiver extends Receiver {
  /**
   * Removes what an earlier process left. For the start, before anything is received.
   *
   * @throws PluginError STORAGE_FAILED
   */
  clear(): Promise<void>;
}

export function createReceiver({ folder, config, maxBytes }: ReceiverOptions): FolderReceiver {
  const { maxConcurrent, maxTotalBytes, timeoutSeconds, idleTimeoutSeconds } = config;
  const limit = settingLimit("uploads.maxBytes", maxBytes, (words) => new PluginError("BODY_TOO_LARGE", words));
  // At least one of the largest size: it would be told to come back for ever.
  const held = new HeldBytes(Math.max(maxBytes, maxTotalBytes), () => tooMuch(maxTotalBytes));
  let receiving = 0;

  async function receive(stream: Readable, { signal, origin: shown, log }: ReceiveOptions): Promise<ReceivedZip> {
    const file = await newFile(folder);
    const target = await FileTarget.create(file, limit);
    const counted = countedTarget(target, (bytes) => held.add(file, bytes));
    try {
      await withTimeLimit(
        signal,
        timeoutSeconds * 1000,
        () => tooSlow(timeoutSeconds),
        (limited) =>
          withSilenceLimit(limited, idleTimeoutSeconds, counted, (heard, target) => pour(stream, target, heard)),
      );
      const { sha256, bytes } = await target.finish();
      log.debug({ sha256, bytes }, "a zip was received");
      return { file, sha256, bytes, origin: shown };
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
    if (!(await isThere(folder))) await mkdir(folder, { recursive: true, mode: 0o700 });
  });
  return join(folder, `${randomUUID()}.zip`);
}

/** @throws PluginError STORAGE_FAILED: what is behind a link is not ours to fill and to clear */
async function isThere(folder: string): Promise<boolean> {
  try {
    if (!(await lstat(folder)).isSymbolicLink()) return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  throw new PluginError("STORAGE_FAILED", `${folder} is a link; move it away and try again`);
}

/** Counts what is written before it is on the disk. */
function countedTarget(target: FileTarget, count: (bytes: number) => void): PourTarget {
  return {
    get bytes() {
      return target.bytes;
    },
    async write(chunk) {
      count(chunk.length);
      await target.write(chunk);
    },
  };
}

function tooMuch(maxTotalBytes: number): PluginError {
  const total = "all files that are being received or wait to be installed would have more bytes than";
  const words = `${total} uploads.maxTotalBytes (${maxTotalBytes}) allows; try again later`;
  return new PluginError("TOO_BUSY", words);
}

function tooBusy(maxConcurrent: number): PluginError {
  const words = `${maxConcurrent} uploads are being received already (uploads.maxConcurrent); try again in a moment`;
  return new PluginError("TOO_BUSY", words);
}

function tooSlow(seconds: number): PluginError {
  return new PluginError("REQUEST_TIMEOUT", `it took longer than ${seconds} s (uploads.timeoutSeconds)`);
}

/**
 * The bytes of the files that clients sent and that are not done with, whether they still arrive, wait or are used:
 * a long queue of changes must not fill the disk.
 */
export class HeldBytes {
  readonly #max: number;
  readonly #exceeded: () => Error;
  readonly #files = new Map<string, number>();
  #total = 0;

  constructor(max: number, exceeded: () => Error) {
    this.#max = max;
    this.#exceeded = exceeded;
  }

  /** @throws `exceeded()` where all files together would have more than the maximum; nothing is added then */
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
