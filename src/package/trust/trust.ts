import { PluginError } from "../../domain/errors.ts";
import type { Log } from "../../lib/log.ts";
import { readKeys, WarnOnce } from "./key-folder.ts";
import { signatureBytes } from "./signature-bytes.ts";
import type { SignatureAlgorithm, TrustedKey } from "./trusted-key.ts";
import { findSigner, hasFormOf } from "./verify-file.ts";

export interface TrustOptions {
  /** `etc/trust`: the public keys of those whose plugins are trusted, one PEM file each. It need not be there. */
  readonly folder: string;
  /** `trust.require` */
  readonly require: boolean;
  readonly log: Log;
}

/** The key that a signature was made with, and the kind of signature. */
export interface SignatureProof {
  /** The key's file in the folder, such as `release.pub`. */
  readonly key: string;
  readonly algorithm: SignatureAlgorithm;
  /** SHA-256 (hex) of the key as DER (SPKI). */
  readonly fingerprint: string;
}

/** Whose plugins are installed. Key files that are added, replaced or removed count from the next install on. */
export interface Trust {
  /** Whether plugins without a signature are refused. */
  readonly required: boolean;
  /**
   * Whether it is worth while to look for a signature: there is a key, or a signature is required.
   *
   * @throws PluginError STORAGE_FAILED when the keys can't be read
   */
  looksForSignatures(): Promise<boolean>;
  /**
   * Checks a detached signature, in bytes or in base64, of the file `zipFile`.
   *
   * @throws PluginError SIGNATURE_INVALID, STORAGE_FAILED; the signal's reason; the system's error when the zip can't
   * be read
   */
  verify(zipFile: string, signature: Buffer, signal: AbortSignal): Promise<SignatureProof>;
  /**
   * Whether the key of an earlier proof is in the folder now, under whatever name.
   *
   * @throws PluginError STORAGE_FAILED when the keys can't be read
   */
  isTrusted(fingerprint: string): Promise<boolean>;
}

/** Where the keys are, as users know it. */
const SHOWN_FOLDER = "etc/trust";

export function createTrust({ folder, require, log }: TrustOptions): Trust {
  const warnings = new WarnOnce(log);
  const keysNow = () => readKeys(folder, warnings);

  return {
    required: require,
    async looksForSignatures() {
      return require || (await keysNow()).length > 0;
    },
    async verify(zipFile, signature, signal) {
      const bytes = signatureBytes(signature);
      const keys = await keysNow();
      if (keys.length === 0) throw noKeys();
      const signer = await findSigner(zipFile, bytes, keys, signal);
      if (signer === undefined) throw noSigner(bytes, keys);
      return { key: signer.name, algorithm: signer.algorithm, fingerprint: signer.fingerprint };
    },
    async isTrusted(fingerprint) {
      return (await keysNow()).some((key) => key.fingerprint === fingerprint);
    },
  };
}

function noKeys(): PluginError {
  const next = "put the signer's public key (PEM) there";
  return invalid(`the signature can't be checked: there is no public key in ${SHOWN_FOLDER}; ${next}`);
}

function noSigner(signature: Buffer, keys: readonly TrustedKey[]): PluginError {
  const tried = keys.filter((key) => hasFormOf(signature, key)).length;
  const count = `${keys.length} public key${keys.length === 1 ? "" : "s"} in ${SHOWN_FOLDER}`;
  const next = "sign this very zip, or put the signer's public key (PEM) there";
  if (tried === keys.length) return invalid(`the signature fits none of the ${count}; ${next}`);
  return invalid(`the signature fits none of the ${count}, of which ${tried} make signatures of its form; ${next}`);
}

function invalid(sentence: string): PluginError {
  return new PluginError("SIGNATURE_INVALID", sentence);
}
