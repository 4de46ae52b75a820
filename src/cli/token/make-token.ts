import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";

/** Key pairs by the algorithm of their tokens. */
const KEY_PAIRS = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 3072 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
} as const;

type TokenAlgorithm = keyof typeof KEY_PAIRS;
const TOKEN_ALGORITHMS = Object.keys(KEY_PAIRS) as readonly TokenAlgorithm[];

/** As they were given; what is wrong with them is said. */
export interface TokenOptions {
  readonly issuer?: string | undefined;
  readonly subject?: string | undefined;
  readonly scope?: string | undefined;
  readonly days: string;
  /** Of a new key; default RS256. */
  readonly algorithm?: string | undefined;
  /** The server's base folder. */
  readonly base: string;
  /** The private key's file; default `ISSUER.key`. */
  readonly key?: string | undefined;
}

/**
 * Makes a token for a server with `basic.authentication`, and what is missing of the key pair that it is signed with: the
 * private key beside no server, the public one in `etc/mgmt` of the base folder.
 *
 * @param made called with the path of each file that was made
 * @throws Error with what is wrong with the options or the keys; nothing was written then
 */
export async function makeToken(options: TokenOptions, made: (file: string) => void): Promise<string> {
  const { issuer, subject, scope, days, algorithm, base, key } = options;
  if (!issuer || !subject) throw new Error("--issuer and --subject are needed; --help says more");
  // The server's own rule: others would never be found.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(issuer)) {
    throw new Error("--issuer must be letters, digits, and . _ - inside, at most 100");
  }
  if (scope !== undefined && !["read", "write"].includes(scope)) throw new Error("--scope is read or write");
  if (!(Number(days) > 0 && Number(days) <= 3650)) throw new Error("--days is a number up to 3650");
  const wanted = TOKEN_ALGORITHMS.find((known) => known === algorithm);
  if (algorithm !== undefined && wanted === undefined) {
    throw new Error(`--algorithm is one of ${TOKEN_ALGORITHMS.join(", ")}`);
  }

  const files = { key: resolve(key ?? `${issuer}.key`), pub: join(resolve(base), "etc", "mgmt", `${issuer}.pub`) };
  const pair = usePair(files, wanted, made);
  const { SignJWT } = await import("jose");
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader({ alg: pair.algorithm, typ: "JWT" })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience("eKuiper")
    .setIssuedAt(now)
    .setExpirationTime(now + Math.round(Number(days) * 86_400))
    .sign(pair.privateKey);
}

interface KeyFiles {
  readonly key: string;
  readonly pub: string;
}

/** Reads the key pair, or makes what is missing of it. An existing file is never changed. */
function usePair(
  { key: keyFile, pub: publicFile }: KeyFiles,
  algorithm: TokenAlgorithm | undefined,
  made: (file: string) => void,
): { readonly privateKey: KeyObject; readonly algorithm: TokenAlgorithm } {
  const etc = dirname(dirname(publicFile)) + sep;
  if (keyFile.startsWith(etc)) throw new Error(`the private key must not be in ${etc}: give another --key`);
  if (!existsSync(keyFile) && existsSync(publicFile)) {
    throw new Error(`${publicFile} is there, but not its private key ${keyFile}: give it as --key`);
  }
  const isNew = !existsSync(keyFile);
  const privateKey = isNew
    ? KEY_PAIRS[algorithm ?? "RS256"]().privateKey
    : readKey(keyFile, "private", createPrivateKey);
  const actual = algorithmOf(privateKey);
  if (actual === undefined) throw new Error(`${keyFile} is a key for none of ${TOKEN_ALGORITHMS.join(", ")}`);
  if (algorithm !== undefined && algorithm !== actual) throw new Error(`${keyFile} is a key for ${actual}`);

  const publicKey = createPublicKey(privateKey);
  if (existsSync(publicFile)) {
    const present = readKey(publicFile, "public", createPublicKey);
    if (!publicKey.equals(present)) throw new Error(`${publicFile} belongs to another key than ${keyFile}`);
  } else {
    makeOpenFolder(dirname(publicFile));
    if (isNew) writeNew(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }).toString(), 0o600, made);
    writeNew(publicFile, publicKey.export({ type: "spki", format: "pem" }).toString(), 0o644, made);
  }
  return { privateKey, algorithm: actual };
}

/** With a umask that keeps the token to its owner, `etc` would be closed to the server's user, and to the engine's. */
function makeOpenFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755);
}

function readKey(file: string, kind: "private" | "public", parse: (pem: Buffer) => KeyObject): KeyObject {
  try {
    return parse(readFileSync(file));
  } catch (cause) {
    throw new Error(`${file} can't be used as a ${kind} key: ${(cause as Error).message}`, { cause });
  }
}

function algorithmOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): TokenAlgorithm | undefined {
  if (type === "rsa") return (details?.modulusLength ?? 0) >= 2048 ? "RS256" : undefined;
  if (type === "ec") return details?.namedCurve === "prime256v1" ? "ES256" : undefined;
  return type === "ed25519" ? "EdDSA" : undefined;
}

function writeNew(file: string, text: string, mode: number, made: (file: string) => void): void {
  writeFileSync(file, text, { mode, flag: "wx" });
  chmodSync(file, mode); // whatever the umask
  made(file);
}
