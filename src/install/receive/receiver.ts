import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Config } from "../../config/schema.ts";
import { hasCode, PluginError } from "../../domain/errors.ts";
import type { ReceivedZip } from "../../domain/install-request.ts";
import type { ReceiveOptions, Receiver } from "../../domain/receiver.ts";
import { settingLimit } from "../../domain/size-limit.ts";
import { orStorageFailure } from "../../domain/storage-failure.ts";
import { FileTarget } from "../file-target.ts";
import { withTimeLimit } from "../time-limit.ts";
import { HeldBytes } from "./held-bytes.ts";
import { type PourTarget, pour } from "./pour.ts";
import { withSilenceLimit } from "./silence-limit.ts";

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

  async function receive(stream: Readable, { signal, shown, log }: ReceiveOptions): Promise<ReceivedZip> {
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
      return { file, sha256, bytes, shown };
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
