import { PluginError } from "../../domain/errors.ts";
import type { SizeLimit } from "../../lib/limits.ts";

/** A signature by the largest RSA key has 2 KiB, in base64 2.7 KiB, and a bundle a little more. */
export const SIGNATURE_LIMIT: SizeLimit = {
  bytes: 16 * 1024,
  exceeded: () => malformed(`it has more than ${SIGNATURE_LIMIT.bytes} bytes`),
};

/** Only tabs, line ends and printable ASCII: the bytes of a signature are never just these. */
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
  for (let layer = 0; layer < MAX_LAYERS && isText(bytes); layer++) bytes = decode(bytes.toString("latin1").trim());
  if (bytes.length === 0) throw malformed("it is empty");
  if (isText(bytes)) throw malformed("it is text but not base64");
  return bytes;
}

function isText(bytes: Buffer): boolean {
  return ASCII_TEXT.test(bytes.toString("latin1"));
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
