import { createHash, type KeyObject } from "node:crypto";
import type { SignatureCheck } from "./signature-check.ts";

const HALF = 32;

/**
 * Ed25519 (RFC 8032) of a message that comes in parts, which OpenSSL can't do: there it has to be in memory as a
 * whole. It is as strict as OpenSSL (S below the order of the group, R compared byte for byte), and refuses keys that
 * are not written in the one right form or are of small order, by which one signature would fit many messages.
 */
export async function checkEd25519(key: KeyObject, signature: Buffer): Promise<SignatureCheck> {
  const { ed25519 } = await import("@noble/curves/ed25519.js");
  const { Point } = ed25519;
  const publicKey = Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
  const r = signature.subarray(0, HALF);
  const s = numberOf(signature.subarray(HALF));
  const hash = createHash("sha512").update(r).update(publicKey);

  return {
    update: (part) => void hash.update(part),
    isValid() {
      if (signature.length !== 2 * HALF || !Point.Fn.isValid(s)) return false;
      const challenge = Point.Fn.create(numberOf(hash.digest()));
      const a = pointOf(publicKey);
      if (a === undefined || a.isSmallOrder()) return false;
      // R = [S]B - [k]A
      return r.equals(Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(challenge)).toBytes());
    },
  };

  function pointOf(bytes: Uint8Array) {
    try {
      return Point.fromBytes(bytes);
    } catch {
      return undefined; // no point of the curve, or not in its right form
    }
  }
}

/** Little-endian, as RFC 8032 writes numbers. */
function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex") || "0"}`);
}
