import { constants } from "node:fs";
import { open, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { printable } from "../../lib/text.ts";
import { parseTrustedKey, type TrustedKey, UnfitKey } from "./trusted-key.ts";

const KEY_FILE = /\.(pub|pem)$/;
const MAX_KEYS = 1000;
const MAX_KEY_BYTES = 64 * 1024;

/** A FIFO without a writer must not hang. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The keys in the files `*.pub` and `*.pem` of a folder, by name. They are read each time, so that a key that is
 * withdrawn is withdrawn at once. Files that are no keys are left out, of which the log warns until they change. A
 * folder that is not there has no keys.
 *
 * @throws PluginError STORAGE_FAILED when the folder can't be read
 */
export async function readKeys(folder: string, warnings: WarnOnce): Promise<TrustedKey[]> {
  const keys: TrustedKey[] = [];
  const look = warnings.begin();
  for (const name of await keyFiles(folder, look)) {
    const file = join(folder, name);
    try {
      keys.push(parseTrustedKey(printable(name), await readSmall(file)));
    } catch (error) {
      const reason = error instanceof UnfitKey ? error.message : `can't be read: ${systemMessage(error)}`;
      look.warn({ file, reason, changed: await changeTime(file) }, "a file among the trusted keys is left out");
    }
  }
  look.end();
  return keys;
}

type Look = ReturnType<WarnOnce["begin"]>;

async function keyFiles(folder: string, look: Look): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (!KEY_FILE.test(name)) continue;
      if (names.length === MAX_KEYS) {
        look.warn({ folder, limit: MAX_KEYS }, "there are more trusted keys than can be used; some are left out");
        break;
      }
      names.push(name);
    }
  } catch (error) {
    if (!hasCode(error, "ENOENT")) {
      throw new PluginError("STORAGE_FAILED", `the keys in etc/trust can't be read: ${systemMessage(error)}`, {
        cause: error,
      });
    }
  }
  return names.sort();
}

async function changeTime(file: string): Promise<string | undefined> {
  const stats = await stat(file).catch(() => undefined); // a link to nothing has none
  return stats?.mtime.toISOString();
}

/** @throws UnfitKey; the system's error */
async function readSmall(file: string): Promise<string> {
  const handle = await open(file, OPEN_FLAGS);
  try {
    if (!(await handle.stat()).isFile()) throw new UnfitKey("is not a regular file");
    const buffer = Buffer.alloc(MAX_KEY_BYTES + 1);
    let length = 0;
    for (let bytesRead = -1; bytesRead !== 0 && length < buffer.length; length += bytesRead) {
      ({ bytesRead } = await handle.read(buffer, length, buffer.length - length, length));
    }
    if (length > MAX_KEY_BYTES) throw new UnfitKey(`has more than ${MAX_KEY_BYTES} bytes`);
    return buffer.toString("utf8", 0, length);
  } finally {
    await handle.close();
  }
}

/** Warns of what stays as it is only once, however often it is looked at. */
export class WarnOnce {
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The warnings of one look, which is to be ended. What it did not find is told again when it comes back. */
  begin(): { warn(facts: object, message: string): void; end(): void } {
    const seen = new Set<string>();
    return {
      warn: (facts, message) => {
        const key = JSON.stringify([facts, message]);
        if (!this.#told.has(key)) this.#log.warn(facts, message);
        this.#told.add(key);
        seen.add(key);
      },
      end: () => {
        for (const key of this.#told) if (!seen.has(key)) this.#told.delete(key);
      },
    };
  }
}
