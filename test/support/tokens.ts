import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type JWTPayload, SignJWT } from "jose";

export interface KeyPair {
  readonly publicPem: string;
  readonly privatePem: string;
  readonly privateKey: KeyObject;
}

/** Key pairs by the algorithm of their tokens. */
export const makeKeyPair = {
  RS256: () => asPair(generateKeyPairSync("rsa", { modulusLength: 2048 })),
  ES256: () => asPair(generateKeyPairSync("ec", { namedCurve: "P-256" })),
  EdDSA: () => asPair(generateKeyPairSync("ed25519")),
} as const;

export type Algorithm = keyof typeof makeKeyPair;

/** Seconds since 1970, as tokens count. */
export const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

/** The claims of a token that is good; `undefined` leaves one out. */
export function goodClaims(changes: Record<string, unknown> = {}): JWTPayload {
  const claims = { iss: "dashboard", sub: "alice", aud: "eKuiper", exp: inSeconds(600), ...changes };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

export function signToken(
  pair: KeyPair,
  changes: Record<string, unknown> = {},
  alg: Algorithm = "EdDSA",
): Promise<string> {
  return new SignJWT(goodClaims(changes)).setProtectedHeader({ alg }).sign(pair.privateKey);
}

export async function writeKey(file: string, pem: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, pem);
}

function asPair({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): KeyPair {
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { publicPem, privatePem, privateKey };
}
