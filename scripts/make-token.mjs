#!/usr/bin/env node
// Makes a token for a server with basic.authentication: true, and the key pair that it is signed with:
//   node scripts/make-token.mjs --issuer dashboard --subject alice
// The older name of `kuiper-plugins token`, which it runs: so it needs the build, and no package.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

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
const COMMAND = fileURLToPath(new URL("../dist/kuiper-plugins.js", import.meta.url));
const NAMES = ["issuer", "subject", "scope", "days", "algorithm", "base", "key"];
const OPTIONS = Object.fromEntries(NAMES.map((name) => [name, { type: "string" }]));

try {
  const { values } = parseArgs({ options: { ...OPTIONS, help: { type: "boolean", short: "h" } } });
  if (values.help) process.stdout.write(HELP);
  else makeToken(values);
} catch (error) {
  fail(error.message.replaceAll("\n", " "));
}

function makeToken({ issuer = "", subject = "", ...more }) {
  if (!existsSync(COMMAND)) throw new Error(`${COMMAND} is missing: npm run build makes it`);
  const args = Object.entries({ issuer, subject, ...more }).map(([name, value]) => `--${name}=${value}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, "token", ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr.replace("kuiper-plugins: ", "").trim());
  process.stderr.write(stderr);
  process.stdout.write(stdout);
}

function fail(sentence) {
  process.stderr.write(`make-token: ${sentence}\n`);
  process.exitCode = 1;
}
