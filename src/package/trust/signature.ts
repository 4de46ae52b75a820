import { createVerify, verify } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { PluginError } from "../../domain/errors.ts";
import type { SizeLimit } from "../../lib/limits.ts";
import { decodeText } from "../../lib/text-encoding.ts";
import type { TrustedKey } from "./trusted-key.ts";

/** A signature by the largest RSA key has 2 KiB, in base64 2.7 KiB, and a bundle a little more. */
export const SIGNATURE_LIMIT: SizeLimit = {
  bytes: 16 * 1024,
  exceeded: () => malformed(`it has more than ${SIGNATURE_LIMIT.bytes} bytes`),
};

/**
 * Only tabs, line ends and printable ASCII. The bytes of a signature are never just these, in any encoding: DER has a 2
 * in it, an Ed25519 signature ends with a byte of at most 0x10, and one of RSA has 256 bytes at random.
 */
const ASCII_TEXT = /^[\t\n\r\x20-\x7e]*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A client may encode in base64 the file that cosign wrote, which is base64 already. */
const MAX_LAYERS = 2;

/**
 * The bytes of a signature that comes as raw bytes, as base64 (`cosign sign-blob --key` and `openssl base64` make it,
 * in one line or in many), or in the JSON bundle of cosign.
 *
 * @throws PluginError SIGNATURE_INVALID when it is none of them
 */
export function signatureBytes(input: Buffer): Buffer {
  if (input.length > SIGNATURE_LIMIT.bytes) throw SIGNATURE_LIMIT.exceeded();
  let bytes = input;
  let text = textOf(bytes);
  for (let layer = 0; layer < MAX_LAYERS && text !== undefined; layer++) {
    bytes = decode(text.trim());
    text = textOf(bytes);
  }
  if (bytes.length === 0) throw malformed("it is empty");
  if (text !== undefined) throw malformed("it is text but not base64");
  return bytes;
}

/** A redirection in PowerShell writes UTF-16. A signature may begin with a byte order mark, too: all of it decides. */
function textOf(bytes: Buffer): string | undefined {
  const text = decodeText(bytes);
  return ASCII_TEXT.test(text) ? text : undefined;
}

function decode(text: string): Buffer {
  const base64 = (text.startsWith("{") ? bundledSignature(text) : text).replace(/\s/g, "");
  if (!BASE64.test(base64)) throw malformed("it is text but not base64");
  return Buffer.from(base64, "base64");
}

/** The signature in a bundle. The rest of it (certificates, a transparency log's entry) is ignored. */
function bundledSignature(text: string): string {
  const bundle = parseBundle(text);
  const signature = bundle.messageSignature?.signature ?? bundle.base64Signature;
  if (typeof signature !== "string") throw malformed("it is JSON without the signature of a file");
  return signature;
}

interface Bundle {
  readonly messageSignature?: { readonly signature?: unknown } | null;
  /** Bundles of cosign before version 3 have this instead. */
  readonly base64Signature?: unknown;
}

function parseBundle(text: string): Bundle {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("it is text but not base64");
  }
}

function malformed(reason: string): PluginError {
  return new PluginError(
    "SIGNATURE_INVALID",
    `the signature is malformed: ${reason}. Give what cosign sign-blob or openssl made, as it is or in base64`,
  );
}

interface FindSignerOptions {
  /** The largest file whose Ed25519 signature is checked. */
  readonly ed25519Limit: SizeLimit;
  readonly signal: AbortSignal;
}

/**
 * Finds the key that a signature of a file was made with. The file is not read when no key makes signatures of that
 * form.
 *
 * @throws what `ed25519Limit` says of a file that is larger; the signal's reason; the system's error when the file
 * can't be read
 */
export async function findSigner(
  file: string,
  signature: Buffer,
  keys: readonly TrustedKey[],
  { ed25519Limit, signal }: FindSignerOptions,
): Promise<TrustedKey | undefined> {
  const candidates = keys.filter((key) => hasFormOf(signature, key));
  if (candidates.length === 0) return undefined;
  const isEd25519 = ({ algorithm }: TrustedKey) => algorithm === "ed25519";
  const ed25519Keys = candidates.filter(isEd25519);
  const sha256Keys = candidates.filter((key) => !isEd25519(key));
  await using handle = await open(file, "r");
  return (
    (await findSha256Signer(handle, signature, sha256Keys, signal)) ??
    (await findEd25519Signer(handle, signature, ed25519Keys, ed25519Limit, signal))
  );
}

const DER_SEQUENCE = 0x30;
const DER_INTEGER = 0x02;
/** Two integers of 32 bytes, each with a sign byte, and the six bytes of DER around them. */
const MAX_P256_BYTES = 72;
const ED25519_BYTES = 64;

/** Whether a signature has the form of those that `key` makes. */
export function hasFormOf(signature: Buffer, { algorithm, key }: TrustedKey): boolean {
  switch (algorithm) {
    case "ed25519":
      return signature.length === ED25519_BYTES;
    case "ecdsa-p256-sha256":
      return signature.length <= MAX_P256_BYTES && isPairInDer(signature);
    case "rsa-sha256":
      return signature.length === Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  }
}

/**
 * Whether it is DER of two integers, in the only encoding that OpenSSL takes. One of 256 Ed25519 signatures has the
 * first byte of it.
 */
function isPairInDer(signature: Buffer): boolean {
  const [sequence, length, integer, bytes = 0] = signature;
  const second = 4 + bytes;
  return (
    sequence === DER_SEQUENCE &&
    length === signature.length - 2 &&
    integer === DER_INTEGER &&
    signature[second] === DER_INTEGER &&
    signature[second + 1] === signature.length - second - 2
  );
}

/** Bytes that are hashed in one turn of the event loop, for all keys together. */
const HASHED_PER_TURN = 1024 * 1024;
const MIN_READ_BYTES = 16 * 1024;

/**
 * ECDSA and RSA sign a hash, so the file is read once in parts, however many keys there are. ECDSA in DER, RSA with
 * the padding of PKCS #1 v1.5: OpenSSL's defaults.
 */
async function findSha256Signer(
  handle: FileHandle,
  signature: Buffer,
  keys: readonly TrustedKey[],
  signal: AbortSignal,
): Promise<TrustedKey | undefined> {
  if (keys.length === 0) return undefined;
  const checks = keys.map((key) => ({ key, verifier: createVerify("sha256") }));
  const buffer = Buffer.allocUnsafeSlow(Math.max(MIN_READ_BYTES, Math.floor(HASHED_PER_TURN / keys.length)));
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    signal.throwIfAborted();
    if (bytesRead === 0) break;
    position += bytesRead;
    for (const { verifier } of checks) verifier.update(buffer.subarray(0, bytesRead));
  }
  for (const { key, verifier } of checks) {
    if (verifier.verify(key.key, signature)) return key;
    await nextTurn();
    signal.throwIfAborted();
  }
  return undefined;
}

/** OpenSSL takes the message of an Ed25519 signature only as a whole. */
async function findEd25519Signer(
  handle: FileHandle,
  signature: Buffer,
  keys: readonly TrustedKey[],
  limit: SizeLimit,
  signal: AbortSignal,
): Promise<TrustedKey | undefined> {
  if (keys.length === 0) return undefined;
  signal.throwIfAborted();
  const stats = await handle.stat();
  if (!stats.isFile()) throw new Error("what is to be verified is not a regular file");
  if (stats.size > limit.bytes) throw limit.exceeded(stats.size);
  const message = await handle.readFile();
  const verifyOnThread = promisify(verify); // on another thread, as it has a callback; the message is copied for that
  for (const key of keys) {
    signal.throwIfAborted();
    const isValid = await verifyOnThread(null, message, key.key, signature);
    signal.throwIfAborted();
    if (isValid) return key;
  }
  return undefined;
}
