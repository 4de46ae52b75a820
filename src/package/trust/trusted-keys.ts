import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { readSmallFile, UnfitFile } from "../../lib/small-file.ts";
import { printable } from "../../lib/text.ts";
import { parseTrustedKey, type TrustedKey, UnfitKey } from "./trusted-key.ts";

const KEY_FILE = /\.(pub|pem)$/;
const MAX_KEYS = 1000;
const MAX_KEY_BYTES = 64 * 1024;

/**
 * The keys in the files `*.pub` and `*.pem` of a folder, in the order of their names. They are read each time, so that
 * removing a file withdraws its key at once. Files that are not keys are left out with one warning each until they
 * change. A folder that does not exist has no keys.
 *
 * @throws PluginError STORAGE_FAILED when the folder can't be read
 */
export async function readKeys(folder: string, warnings: WarnOnce): Promise<TrustedKey[]> {
  const keys: TrustedKey[] = [];
  const scan = warnings.beginScan();
  for (const name of await keyFiles(folder, scan)) {
    const file = join(folder, name);
    try {
      keys.push(parseTrustedKey(printable(name), (await readSmallFile(file, MAX_KEY_BYTES)).toString()));
    } catch (error) {
      const isUnfit = error instanceof UnfitKey || error instanceof UnfitFile;
      const reason = isUnfit ? error.message : `can't be read: ${systemMessage(error)}`;
      scan.warn({ file, reason, changed: await changeTime(file) }, "a file among the trusted keys is left out");
    }
  }
  scan.end();
  return keys;
}

async function keyFiles(folder: string, scan: Scan): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (!KEY_FILE.test(name)) continue;
      if (names.length === MAX_KEYS) {
        scan.warn({ folder, limit: MAX_KEYS }, "there are more trusted keys than can be used; some are left out");
        break;
      }
      names.push(name);
    }
  } catch (error) {
    if (!hasCode(error, "ENOENT")) {
      const message = `the keys in etc/trust can't be read: ${systemMessage(error)}`;
      throw new PluginError("STORAGE_FAILED", message, { cause: error });
    }
  }
  return names.sort();
}

async function changeTime(file: string): Promise<string | undefined> {
  const stats = await stat(file).catch(() => undefined); // such as a dangling link
  return stats?.mtime.toISOString();
}

interface Scan {
  warn(facts: object, message: string): void;
  end(): void;
}

/** Logs a warning once, however many scans of the folder find its cause unchanged. */
export class WarnOnce {
  readonly #log: Log;
  readonly #logged = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The warnings of one scan. When it ends, those that it did not repeat are forgotten, and logged should they return. */
  beginScan(): Scan {
    const repeated = new Set<string>();
    return {
      warn: (facts, message) => {
        const key = JSON.stringify([facts, message]);
        if (!this.#logged.has(key)) this.#log.warn(facts, message);
        this.#logged.add(key);
        repeated.add(key);
      },
      end: () => {
        for (const key of this.#logged) if (!repeated.has(key)) this.#logged.delete(key);
      },
    };
  }
}
