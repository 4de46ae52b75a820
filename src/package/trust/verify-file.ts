import { createHash, createVerify, type KeyObject } from "node:crypto";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SignatureAlgorithm, TrustedKey } from "./trusted-key.ts";

/** Bytes that are hashed at one go, by all keys together: other work goes on in between. */
const HASHED_PER_TURN = 4 * 1024 * 1024;
const PART_BYTES = { min: 16 * 1024, max: 512 * 1024 };

/**
 * Finds the key that a signature of a file was made with. The file is read once, in parts, however many keys there
 * are; not at all when no key makes signatures of that form.
 *
 * @throws the signal's reason; the system's error when the file can't be read
 */
export async function findSigner(
  file: string,
  signature: Buffer,
  keys: readonly TrustedKey[],
  signal: AbortSignal,
): Promise<TrustedKey | undefined> {
  const candidates = keys.filter((key) => hasFormOf(signature, key));
  if (candidates.length === 0) return undefined;
  const checks = await Promise.all(candidates.map(async (key) => ({ key, check: await startCheck(key, signature) })));
  const size = Math.min(PART_BYTES.max, Math.max(PART_BYTES.min, Math.floor(HASHED_PER_TURN / checks.length)));
  for await (const part of partsOf(file, size)) {
    signal.throwIfAborted();
    for (const { check } of checks) check.update(part);
  }
  for (const { key, check } of checks) {
    signal.throwIfAborted();
    if (check.isValid()) return key;
    await nextTurn();
  }
  return undefined;
}

/** A part is valid until the next one is asked for. */
async function* partsOf(file: string, size: number): AsyncGenerator<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.allocUnsafeSlow(size);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, size, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Whether a signature is by one key, of a message that comes in parts. */
export interface SignatureCheck {
  update(part: Uint8Array): void;
  /** To be asked once, at the end of the message. */
  isValid(): boolean;
}

const DER_SEQUENCE = 0x30;
/** Of two numbers of 32 bytes and their signs, with the six bytes around them. */
const MAX_P256_BYTES = 72;
const ED25519_BYTES = 64;

/** Whether a signature has the form of those that `key` makes, so that it is worth reading the message. */
export function hasFormOf(signature: Buffer, { algorithm, key }: TrustedKey): boolean {
  switch (algorithm) {
    case "ed25519":
      return signature.length === ED25519_BYTES;
    case "ecdsa-p256-sha256":
      return signature[0] === DER_SEQUENCE && signature.length <= MAX_P256_BYTES;
    case "rsa-sha256":
      return signature.length === Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  }
}

const CHECKS: Readonly<Record<SignatureAlgorithm, (key: KeyObject, signature: Buffer) => Promise<SignatureCheck>>> = {
  ed25519: checkEd25519,
  "ecdsa-p256-sha256": async (key, signature) => checkSha256(key, signature),
  "rsa-sha256": async (key, signature) => checkSha256(key, signature),
};

export function startCheck({ algorithm, key }: TrustedKey, signature: Buffer): Promise<SignatureCheck> {
  return CHECKS[algorithm](key, signature);
}

/** ECDSA in DER, RSA as in PKCS #1 v1.5: the forms that OpenSSL takes unless it is told otherwise. */
function checkSha256(key: KeyObject, signature: Buffer): SignatureCheck {
  const verify = createVerify("sha256");
  return {
    update: (part) => void verify.update(part),
    isValid: () => verify.verify(key, signature),
  };
}

const HALF = 32;

/**
 * Ed25519 (RFC 8032) of a message that comes in parts, which OpenSSL can't do: there it has to be in memory as a
 * whole. It is as strict as OpenSSL (S below the order of the group, R compared byte for byte), and refuses keys that
 * are not written in the one right form or are of small order, by which one signature would fit many messages.
 */
export async function checkEd25519(key: KeyObject, signature: Buffer): Promise<SignatureCheck> {
  const { ed25519 } = await import("@noble/curves/ed25519.js");
  const { Point } = ed25519;
  const publicKey = Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
  const r = signature.subarray(0, HALF);
  const s = numberOf(signature.subarray(HALF));
  const hash = createHash("sha512").update(r).update(publicKey);

  return {
    update: (part) => void hash.update(part),
    isValid() {
      if (signature.length !== 2 * HALF || !Point.Fn.isValid(s)) return false;
      const challenge = Point.Fn.create(numberOf(hash.digest()));
      const a = pointOf(publicKey);
      if (a === undefined || a.isSmallOrder()) return false;
      // R = [S]B - [k]A
      return r.equals(Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(challenge)).toBytes());
    },
  };

  function pointOf(bytes: Uint8Array) {
    try {
      return Point.fromBytes(bytes);
    } catch {
      return undefined; // no point of the curve, or not in its right form
    }
  }
}

/** Little-endian, as RFC 8032 writes numbers. */
function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex") || "0"}`);
}
