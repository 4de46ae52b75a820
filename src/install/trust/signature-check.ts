import { createVerify, type KeyObject } from "node:crypto";
import { checkEd25519 } from "./ed25519.ts";
import type { SignatureAlgorithm, TrustedKey } from "./trusted-key.ts";

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
