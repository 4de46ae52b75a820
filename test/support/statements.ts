import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { Signer } from "./signing.ts";

/** Signed statements as `cosign attest-blob --predicate --type` makes them: in-toto in a DSSE envelope. */

export const PREDICATE_TYPE = "urn:kuiper-plugin-server:plugin:v1";
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

export const sha256Of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

export function statementOf(zip: Buffer, predicate: unknown, changes: object = {}): object {
  return {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: PREDICATE_TYPE,
    subject: [{ name: "plugin.zip", digest: { sha256: sha256Of(zip) } }],
    predicate,
    ...changes,
  };
}

/** The bytes that are signed, written down as the DSSE protocol does. */
export function preAuth(payload: Buffer, type = PAYLOAD_TYPE): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
}

/** The raw signature of an envelope's payload by the kind of key that the signer has. */
export function signPayload({ privatePem }: Pick<Signer, "privatePem">, payload: Buffer): Buffer {
  return signWith(createPrivateKey(privatePem), preAuth(payload));
}

export function signWith(key: KeyObject, message: Buffer): Buffer {
  return sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", message, key);
}

export interface EnvelopeJson {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export function envelopeOf(
  statement: object | Buffer,
  ...signers: readonly Pick<Signer, "privatePem">[]
): EnvelopeJson {
  const payload = Buffer.isBuffer(statement) ? statement : Buffer.from(JSON.stringify(statement));
  return {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString("base64"),
    signatures: signers.map((signer) => ({ keyid: "", sig: signPayload(signer, payload).toString("base64") })),
  };
}

export const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
