import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { type SizeLimit, settingLimit } from "../../lib/limits.ts";
import type { Log } from "../../lib/log.ts";
import { count } from "../../lib/text.ts";
import { type Envelope, findEnvelopeSigner, readEnvelopes, statementLimit } from "./envelope.ts";
import { findSigner, hasFormOf, signatureBytes } from "./signature.ts";
import { checkStatement, findPluginEnvelope, type StatedPlugin, type StatedSubject } from "./statement.ts";
import type { SignatureAlgorithm, TrustedKey } from "./trusted-key.ts";
import { readKeys, WarnOnce } from "./trusted-keys.ts";

interface TrustOptions {
  /** `etc/trust`: the public keys of those whose plugins are trusted, one PEM file each. It need not be there. */
  readonly folder: string;
  readonly config: Config["trust"];
  readonly log: Log;
}

/** The key that a signature was made with. */
export interface SignatureProof {
  /** The key's file in the folder, such as `release.pub`. */
  readonly key: string;
  readonly algorithm: SignatureAlgorithm;
  /** SHA-256 (hex) of the key as DER (SPKI). */
  readonly fingerprint: string;
}

/** A statement of which plugin a zip is, and the key that it was signed with. */
export interface StatementProof {
  readonly signature: SignatureProof;
  readonly statement: StatedPlugin;
}

/** Verifies who made a plugin. Key files that are added, replaced or removed count from the next install on. */
export interface Trust {
  /** Whether plugins without a signature are refused. */
  readonly required: boolean;
  /** Whether the signature has to be that of a statement. */
  readonly statementRequired: boolean;
  /** How large a statement may be. */
  readonly statementLimit: SizeLimit;
  /**
   * Whether a signature would make a difference: there is a key, or a signature is required.
   *
   * @throws PluginError STORAGE_FAILED when the keys can't be read
   */
  looksForSignatures(): Promise<boolean>;
  /**
   * Checks a detached signature of the file `zipFile`, in any form that `signatureBytes` reads.
   *
   * @throws PluginError SIGNATURE_INVALID, STORAGE_FAILED; the signal's reason; the system's error when the zip can't
   * be read
   */
  verify(zipFile: string, signature: Buffer, signal: AbortSignal): Promise<SignatureProof>;
  /**
   * Checks a signed statement about a zip, as `readEnvelopes` reads it.
   *
   * @returns undefined where it is about something else than which plugin the zip is
   * @throws PluginError SIGNATURE_INVALID, STORAGE_FAILED; the signal's reason
   */
  verifyStatement(content: Buffer, subject: StatedSubject, signal: AbortSignal): Promise<StatementProof | undefined>;
  /**
   * Whether the key of an earlier proof is in the folder now, under whatever name.
   *
   * @throws PluginError STORAGE_FAILED when the keys can't be read
   */
  isTrusted(fingerprint: string): Promise<boolean>;
}

export function createTrust({ folder, config, log }: TrustOptions): Trust {
  const warnings = new WarnOnce(log);
  const ed25519Limit = settingLimit("trust.maxEd25519Bytes", config.maxEd25519Bytes, tooLargeForEd25519);
  const limit = statementLimit(config);
  const keysNow = () => readKeys(folder, warnings);

  const required = config.require || config.requireStatement;

  return {
    required,
    statementRequired: config.requireStatement,
    statementLimit: limit,
    async looksForSignatures() {
      return required || (await keysNow()).length > 0;
    },
    async verify(zipFile, signature, signal) {
      const bytes = signatureBytes(signature);
      const keys = await keysNow();
      if (keys.length === 0) throw noKeys();
      const signer = await findSigner(zipFile, bytes, keys, { ed25519Limit, signal });
      if (signer === undefined) throw noSigner(bytes, keys);
      return proofOf(signer);
    },
    async verifyStatement(content, subject, signal) {
      const envelope = findPluginEnvelope(readEnvelopes(content, limit));
      if (envelope === undefined) return undefined;
      const keys = await keysNow();
      if (keys.length === 0) throw noKeys();
      const signer = await findEnvelopeSigner(envelope, keys, signal);
      if (signer === undefined) throw noStatementSigner(envelope, keys);
      return { signature: proofOf(signer), statement: checkStatement(envelope.payload, subject) };
    },
    async isTrusted(fingerprint) {
      return (await keysNow()).some((key) => key.fingerprint === fingerprint);
    },
  };
}

function proofOf({ name, algorithm, fingerprint }: TrustedKey): SignatureProof {
  return { key: name, algorithm, fingerprint };
}

const ADD_KEY = "put the signer's public key (PEM) there";

function noKeys(): PluginError {
  return invalid(`the signature can't be checked: there is no public key in etc/trust; ${ADD_KEY}`);
}

function noSigner(signature: Buffer, keys: readonly TrustedKey[]): PluginError {
  const tried = keys.filter((key) => hasFormOf(signature, key)).length;
  const present = `${count(keys.length, "public key")} in etc/trust`;
  const form = tried === keys.length ? "" : `, of which ${tried} make signatures of its form`;
  return invalid(`the signature fits none of the ${present}${form}; sign this very zip, or ${ADD_KEY}`);
}

function noStatementSigner({ signatures }: Envelope, keys: readonly TrustedKey[]): PluginError {
  const which = signatures.length === 1 ? "the signature" : `each of the ${signatures.length} signatures`;
  const present = `${count(keys.length, "public key")} in etc/trust`;
  return invalid(`${which} of the signed statement fits none of the ${present}; sign it again, or ${ADD_KEY}`);
}

function tooLargeForEd25519(reason: string): PluginError {
  const remedy = "sign it with ECDSA P-256 or RSA, or raise trust.maxEd25519Bytes";
  return invalid(`the zip is too large for an Ed25519 signature: ${reason}; ${remedy}`);
}

function invalid(message: string): PluginError {
  return new PluginError("SIGNATURE_INVALID", message);
}
