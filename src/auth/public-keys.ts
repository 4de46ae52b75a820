import { createPublicKey, type KeyObject } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../lib/errors.ts";
import { readSmallFile } from "../lib/small-file.ts";

/** Names that are one file name on every system and can't lead out of the folder. */
const ISSUER = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

const MAX_KEY_BYTES = 64 * 1024;

interface CachedKey {
  /** Changes when the file is replaced. */
  readonly version: string;
  readonly key: KeyObject;
}

/**
 * The public keys of the issuers of tokens: `<issuer>.pub` (PEM) in a folder. A file that is added, replaced or
 * removed takes effect with the next request.
 */
export class PublicKeys {
  readonly #folder: string;
  readonly #cache = new Map<string, CachedKey>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @returns undefined where there is no key for that issuer, or the file is not a public key
   * @throws UnfitFile for what is no regular file; the system's error when it can't be read
   */
  async find(issuer: unknown): Promise<KeyObject | undefined> {
    if (typeof issuer !== "string" || !ISSUER.test(issuer)) return undefined;
    const file = join(this.#folder, `${issuer}.pub`);
    const version = await fileVersion(file);
    if (version === undefined) {
      this.#cache.delete(issuer);
      return undefined;
    }
    const cached = this.#cache.get(issuer);
    if (cached?.version === version) return cached.key;
    const key = parseKey((await readSmallFile(file, MAX_KEY_BYTES)).toString());
    if (key !== undefined) this.#cache.set(issuer, { version, key });
    return key;
  }
}

/** With the time of the last change of any kind: that of the content can be set to what it was before. */
async function fileVersion(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join("-");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function parseKey(pem: string): KeyObject | undefined {
  // A private key contains the public one and would be accepted too, but it must not lie here.
  if (pem.includes("PRIVATE KEY")) return undefined;
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}
