#!/usr/bin/env node
// Makes a token for a server with basic.authentication: true, and the key pair that it is signed with:
//   node scripts/make-token.mjs --issuer dashboard --subject alice
// The same as `kuiper-plugins token`, for a checkout that is not built.
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";

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
  process.stdout.write(values.help ? HELP : `${await tokenOf(values)}\n`);
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

async function tokenOf(values) {
  const { outputFiles } = await build({
    entryPoints: ["src/cli/token/make-token.ts"],
    absWorkingDir: dirname(import.meta.dirname),
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  const bundle = Buffer.from(outputFiles[0].contents).toString("base64");
  const { makeToken } = await import(`data:text/javascript;base64,${bundle}`);
  return makeToken(values, (file) => process.stderr.write(`made ${file}\n`));
}
