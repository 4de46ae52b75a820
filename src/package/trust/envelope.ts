import { verify } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { SizeLimit } from "../../lib/limits.ts";
import { membersOf } from "../../lib/objects.ts";
import { hasFormOf } from "./signature.ts";
import type { TrustedKey } from "./trusted-key.ts";

/** With a bundle's certificates and log entry around it, a statement has some 10 KiB. */
export function statementLimit({ maxStatementBytes: bytes }: Pick<Config["trust"], "maxStatementBytes">): SizeLimit {
  return { bytes, exceeded: () => malformed(`it has more than ${bytes} bytes (trust.maxStatementBytes)`) };
}

/** The media type of in-toto statements, the only payload that is read. */
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const MAX_SIGNATURES = 16;

/** Of either alphabet: DSSE allows both. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** A payload and its signatures, as in the Dead Simple Signing Envelope (DSSE 1.0); nothing of it is verified. */
export interface Envelope {
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

/**
 * The envelopes of a file: JSON, or one JSON to a line. Each is an envelope as it is, or in the bundle of cosign, of
 * which nothing else is read.
 *
 * @throws PluginError SIGNATURE_INVALID
 */
export function readEnvelopes(content: Buffer, limit: SizeLimit): Envelope[] {
  if (content.length > limit.bytes) throw limit.exceeded();
  const text = content.toString("utf8").replace(/^\uFEFF/, "");
  const whole = parseJson(text);
  const values = whole === undefined ? linesOf(text).map((line) => requireJson(parseJson(line))) : [whole];
  if (values.length === 0) throw malformed("it is empty");
  return values.map(toEnvelope);
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function requireJson(value: unknown): unknown {
  if (value === undefined) throw malformed("it is not JSON");
  return value;
}

function toEnvelope(value: unknown): Envelope {
  const { payloadType, payload, signatures, ...rest } = membersOf(unwrapped(value));
  if (signatures === undefined && "_type" in rest) throw malformed("it is a statement without a signature");
  if (typeof payload !== "string" || !Array.isArray(signatures)) throw malformed("it has no payload and signatures");
  if (payloadType !== PAYLOAD_TYPE) throw malformed(`its payloadType is not ${PAYLOAD_TYPE}`);
  if (signatures.length === 0) throw malformed("it has no signature");
  if (signatures.length > MAX_SIGNATURES) throw malformed(`it has more than ${MAX_SIGNATURES} signatures`);
  return {
    payload: decode(payload),
    signatures: signatures.map((one) => decode(membersOf(one).sig)),
  };
}

/** An envelope as it is, that of a bundle, or that of a bundle of cosign before version 3, which has it in base64. */
function unwrapped(value: unknown): unknown {
  const { dsseEnvelope, base64Signature } = membersOf(value);
  if (dsseEnvelope !== undefined) return dsseEnvelope;
  return base64Signature === undefined ? value : requireJson(parseJson(decode(base64Signature).toString("utf8")));
}

function decode(value: unknown): Buffer {
  if (typeof value !== "string" || !BASE64.test(value)) throw malformed("it has a field that is not base64");
  return Buffer.from(value, "base64");
}

/** Undefined where it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function malformed(reason: string): PluginError {
  return new PluginError(
    "SIGNATURE_INVALID",
    `the signed statement is malformed: ${reason}. Give the envelope that cosign attest-blob made, see docs/api.md`,
  );
}

/**
 * Finds the key that one of the signatures was made with. Their key ids are hints of the sender, and not read.
 *
 * @throws the signal's reason
 */
export async function findEnvelopeSigner(
  { payload, signatures }: Envelope,
  keys: readonly TrustedKey[],
  signal: AbortSignal,
): Promise<TrustedKey | undefined> {
  const message = preAuthEncoding(payload);
  for (const signature of signatures) {
    for (const key of keys) {
      if (!hasFormOf(signature, key)) continue;
      if (verify(key.algorithm === "ed25519" ? null : "sha256", message, key.key, signature)) return key;
      await nextTurn();
      signal.throwIfAborted();
    }
  }
  return undefined;
}

/** What is signed: DSSE's PAE, which keeps the type and the payload apart. */
function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload]);
}
