import { createHash, createPublicKey, type KeyObject } from "node:crypto";

/** The kinds of signatures. The key decides, never the signature. */
export type SignatureAlgorithm = "ecdsa-p256-sha256" | "ed25519" | "rsa-sha256";

export interface TrustedKey {
  /** Its file's name. */
  readonly name: string;
  readonly algorithm: SignatureAlgorithm;
  readonly key: KeyObject;
  /** SHA-256 (hex) of the key as DER (SPKI): whatever its file is called, it is that key. */
  readonly fingerprint: string;
}

/** Why a file is not a key to trust, in words that follow its name. */
export class UnfitKey extends Error {
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
    // Whoever has it can sign: it must not count, not even for the public key in it.
    throw new UnfitKey("has a private key, which must not be on this machine; put its public key there");
  }
  if (labels.length > 1) throw new UnfitKey(`has ${labels.length} PEM blocks; each key needs a file of its own`);
  if (labels[0] === "CERTIFICATE") {
    throw new UnfitKey("is a certificate; take its public key: openssl x509 -pubkey -noout");
  }
  const key = parsed(pem);
  const fingerprint = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
  return { name, algorithm: algorithmOf(key), key, fingerprint };
}

function parsed(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new UnfitKey("has no public key that can be read");
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): SignatureAlgorithm {
  const { namedCurve = "unknown", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (type === "ed25519") return "ed25519";
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
