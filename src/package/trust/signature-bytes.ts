import { PluginError } from "../../domain/errors.ts";
import type { SizeLimit } from "../../lib/limits.ts";

/** As it is sent: a signature by the largest RSA key has 2 KiB, in base64 2.7 KiB, and a bundle has some more. */
export const SIGNATURE_LIMIT: SizeLimit = {
  bytes: 16 * 1024,
  exceeded: () => malformed(`it has more than ${SIGNATURE_LIMIT.bytes} bytes`),
};

/** Tabs, line ends and printable ASCII alone, which the bytes of a signature never are. */
const TEXT = /^[\t\n\r\x20-\x7e]*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 of what is itself base64, as of a cosign file; more than that nobody makes. */
const MAX_LAYERS = 2;

/**
 * The bytes of a signature that is given as they are, as base64 (`cosign sign-blob --key` and `openssl base64` make
 * it, in one line or in many), or in the JSON bundle of cosign.
 *
 * @throws PluginError SIGNATURE_INVALID when it is none of them
 */
export function signatureBytes(given: Buffer): Buffer {
  if (given.length > SIGNATURE_LIMIT.bytes) throw SIGNATURE_LIMIT.exceeded();
  let bytes = given;
  for (let layers = 0; layers < MAX_LAYERS && isText(bytes); layers++) bytes = decoded(bytes.toString("latin1").trim());
  if (bytes.length === 0) throw malformed("it is empty");
  if (isText(bytes)) throw malformed("it is text but not base64");
  return bytes;
}

function isText(bytes: Buffer): boolean {
  return TEXT.test(bytes.toString("latin1"));
}

function decoded(text: string): Buffer {
  const base64 = (text.startsWith("{") ? bundledSignature(text) : text).replace(/\s/g, "");
  if (!BASE64.test(base64)) throw malformed("it is text but not base64");
  return Buffer.from(base64, "base64");
}

/** The signature in a bundle. What else a bundle has (certificates, a log's promise) is not looked at. */
function bundledSignature(text: string): string {
  const found = parsed(text);
  const signature = found.messageSignature?.signature ?? found.base64Signature;
  if (typeof signature !== "string") throw malformed("it is JSON without the signature of a file");
  return signature;
}

interface Bundle {
  readonly messageSignature?: { readonly signature?: unknown } | null;
  /** In bundles before cosign 3. */
  readonly base64Signature?: unknown;
}

function parsed(text: string): Bundle {
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
