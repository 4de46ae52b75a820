import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PluginError } from "../../domain/errors.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { readSmallFile, UnfitFile } from "../../lib/small-file.ts";
import { printable } from "../../lib/text.ts";

/** The key decides which one is used, never the signature. */
export type SignatureAlgorithm = "ecdsa-p256-sha256" | "ed25519" | "rsa-sha256";

export interface TrustedKey {
  /** Its file's name. */
  readonly name: string;
  readonly algorithm: SignatureAlgorithm;
  readonly key: KeyObject;
  /** SHA-256 (hex) of the key as DER (SPKI): it identifies the key whatever its file is called. */
  readonly fingerprint: string;
}

/** Why a file is not a key to trust; the message follows the file's name. */
class UnfitKey extends UnfitFile {
  override readonly name = "UnfitKey";
}

const PEM_LABEL = /-----BEGIN ([^-]*)-----/g;
/** Bits of an RSA key. OpenSSL refuses larger ones when they are used. */
const RSA_BITS = { min: 2048, max: 16_384 };

/**
 * The one public key of a PEM file, as `openssl pkey -pubout` and `cosign generate-key-pair` write it.
 *
 * @throws UnfitKey
 */
export function parseTrustedKey(name: string, pem: string): TrustedKey {
  const labels = [...pem.matchAll(PEM_LABEL)].map(([, label = ""]) => label);
  if (labels.some((label) => label.includes("PRIVATE KEY"))) {
    // A server that is broken into could sign then, so not even the public key in the file counts.
    throw new UnfitKey("has a private key, which must not be on this machine; put its public key there");
  }
  if (labels.length > 1) throw new UnfitKey(`has ${labels.length} PEM blocks; each key needs a file of its own`);
  if (labels[0] === "CERTIFICATE") {
    throw new UnfitKey("is a certificate; take its public key: openssl x509 -pubkey -noout");
  }
  const key = parsePublicKey(pem);
  const fingerprint = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
  return { name, algorithm: algorithmOf(key), key, fingerprint };
}

function parsePublicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new UnfitKey("has no public key that can be read");
  }
}

function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails } = key;
  const { namedCurve = "unknown", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (type === "ed25519") {
    if (isOfSmallOrder(key)) throw new UnfitKey("has an Ed25519 key of small order, with which anybody can sign");
    return "ed25519";
  }
  if (type === "ec") {
    if (namedCurve === "prime256v1") return "ecdsa-p256-sha256";
    throw new UnfitKey(`has an ECDSA key on the curve ${namedCurve}; only P-256 can be used`);
  }
  if (type === "rsa") {
    if (modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max) return "rsa-sha256";
    throw new UnfitKey(`has an RSA key of ${modulusLength} bits; it must have ${RSA_BITS.min} to ${RSA_BITS.max}`);
  }
  throw new UnfitKey(`has a key of the kind ${type ?? "unknown"}; only ECDSA P-256, Ed25519 and RSA can be used`);
}

/**
 * The y coordinates of the eight points whose order divides 8, as keys encode them (RFC 8032, 5.1.2) but with a sign
 * bit of 0: a key of small order is one of these with either sign. The last two are 0 and 1 again, not reduced modulo
 * p. OpenSSL accepts all of them, and one signature fits many messages then.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

function isOfSmallOrder(key: KeyObject): boolean {
  const encoded = Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
  const last = encoded.length - 1;
  encoded[last] = (encoded[last] ?? 0) & 0x7f; // without the sign bit
  return SMALL_ORDER_Y.has(encoded.toString("hex"));
}

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
      const reason = error instanceof UnfitFile ? error.message : `can't be read: ${systemMessage(error)}`;
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
