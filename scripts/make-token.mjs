#!/usr/bin/env node
// Makes a token for a server with basic.authentication: true, and the key pair that it is signed with:
//   node scripts/make-token.mjs --issuer dashboard --subject alice
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";

const HELP = `Usage: node scripts/make-token.mjs --issuer NAME --subject WHO [options]

Prints a token for a server with basic.authentication: true.

  --issuer NAME     who makes the token; its public key is etc/mgmt/NAME.pub
  --subject WHO     who gets it; the audit lines name them
  --scope read      allows reading only; default: everything
  --days N          how long it is valid; default: 30
  --algorithm ALG   of a new key: RS256 (default), ES256 or EdDSA
  --base FOLDER     the server's base folder; default: KuiperBaseKey, or this folder
  --key FILE        the private key, made where it is missing; default: NAME.key. Keep it off the server.
`;

const KEY_PAIRS = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 3072 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

const OPTIONS = {
  issuer: { type: "string" },
  subject: { type: "string" },
  scope: { type: "string" },
  days: { type: "string", default: "30" },
  algorithm: { type: "string" },
  base: { type: "string", default: withoutQuotes(process.env.KuiperBaseKey ?? "") || "." },
  key: { type: "string" },
  help: { type: "boolean", short: "h" },
};

try {
  const { values } = parseArgs({ options: OPTIONS });
  process.stdout.write(values.help ? HELP : `${await makeToken(values)}\n`);
} catch (error) {
  process.stderr.write(`make-token: ${error.message.replaceAll("\n", " ")}\n`);
  process.exitCode = 1;
}

/** As the server reads the variable. */
function withoutQuotes(value) {
  return value
    .trim()
    .replace(/^(["'])([^"']*)\1$/, "$2")
    .trim();
}

async function makeToken({ issuer, subject, scope, days, algorithm, base, key }) {
  if (!issuer || !subject) throw new Error("--issuer and --subject are needed; --help says more");
  // The server's own rule: others would never be found.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(issuer)) {
    throw new Error("--issuer must be letters, digits, and . _ - inside, at most 100");
  }
  if (scope !== undefined && !["read", "write"].includes(scope)) throw new Error("--scope is read or write");
  if (!(Number(days) > 0 && Number(days) <= 3650)) throw new Error("--days is a number up to 3650");
  if (algorithm !== undefined && !Object.hasOwn(KEY_PAIRS, algorithm)) {
    throw new Error(`--algorithm is one of ${Object.keys(KEY_PAIRS).join(", ")}`);
  }

  const pair = usePair(resolve(key ?? `${issuer}.key`), join(resolve(base), "etc", "mgmt", `${issuer}.pub`), algorithm);
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

/** Reads the key pair, or makes what is missing of it. An existing file is never changed. */
function usePair(keyFile, publicFile, algorithm) {
  const etc = dirname(dirname(publicFile)) + sep;
  if (keyFile.startsWith(etc)) throw new Error(`the private key must not be in ${etc}: give another --key`);
  if (!existsSync(keyFile) && existsSync(publicFile)) {
    throw new Error(`${publicFile} is there, but not its private key ${keyFile}: give it as --key`);
  }
  const isNew = !existsSync(keyFile);
  const privateKey = isNew ? KEY_PAIRS[algorithm ?? "RS256"]().privateKey : readKey(keyFile);
  const actual = algorithmOf(privateKey);
  if (actual === undefined) throw new Error(`${keyFile} is a key for none of ${Object.keys(KEY_PAIRS).join(", ")}`);
  if (algorithm !== undefined && algorithm !== actual) throw new Error(`${keyFile} is a key for ${actual}`);

  const pem = createPublicKey(privateKey).export({ type: "spki", format: "pem" });
  if (existsSync(publicFile)) {
    if (!isSameKey(pem, publicFile)) throw new Error(`${publicFile} belongs to another key than ${keyFile}`);
  } else {
    mkdirSync(dirname(publicFile), { recursive: true });
    if (isNew) writeNew(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
    writeNew(publicFile, pem, 0o644);
  }
  return { privateKey, algorithm: actual };
}

function readKey(file) {
  try {
    return createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new Error(`${file} can't be used as a private key: ${cause.message}`, { cause });
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }) {
  if (type === "rsa") return details.modulusLength >= 2048 ? "RS256" : undefined;
  if (type === "ec") return details.namedCurve === "prime256v1" ? "ES256" : undefined;
  return type === "ed25519" ? "EdDSA" : undefined;
}

function isSameKey(pem, publicFile) {
  try {
    return createPublicKey(readFileSync(publicFile)).equals(createPublicKey(pem));
  } catch {
    return false;
  }
}

function writeNew(file, text, mode) {
  writeFileSync(file, text, { mode, flag: "wx" });
  chmodSync(file, mode); // whatever the umask
  process.stderr.write(`made ${file}\n`);
}
