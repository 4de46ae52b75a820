import { createHash, createPublicKey, type KeyObject } from "node:crypto";

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
 * p. OpenSSL 3.0 (Node 20) accepts all of them, and one signature fits many messages then.
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
