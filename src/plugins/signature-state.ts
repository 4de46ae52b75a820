import type { Verified } from "../domain/plugin-entry.ts";

/** Who signed a plugin, for a list: where no key is known and none is required, nobody was asked for a signature. */
export interface SignatureState {
  readonly state: "verified" | "unsigned" | "not-asked";
  /** The key's file in `etc/trust`. */
  readonly by?: string;
}

const UNSIGNED: SignatureState = { state: "unsigned" };
const NOT_ASKED: SignatureState = { state: "not-asked" };

/** @param isAsked whether a signature would make a difference, see `Trust.looksForSignatures` */
export function signatureState(verified: Verified | undefined, isAsked: boolean): SignatureState {
  if (verified?.signature !== undefined) return { state: "verified", by: verified.signature.key };
  return isAsked ? UNSIGNED : NOT_ASKED;
}
