import type { KeyObject } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PublicKeys } from "../../auth/public-keys.ts";
import { hasCode } from "../../lib/errors.ts";
import { unreadProblem } from "../../lib/small-file.ts";
import { count, quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

const ENDING = ".pub";
/** More issuers than anybody has: each is a file to read. */
const MAX_KEYS = 1000;

/** The public keys of those who may issue tokens. */
export async function* tokenKeys({ config, layout }: Situation): AsyncIterable<Observation> {
  const folder = layout.keysFolder;
  if (!config.basic.authentication) return yield skipped("no token is asked for: basic.authentication is false");
  const names = await readdir(folder).catch((error) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const keys = new PublicKeys(folder);
  let good = 0;
  for (const name of names.slice(0, MAX_KEYS).sort()) {
    const file = quoted(join(folder, name));
    const problem = name.endsWith(ENDING)
      ? await problemOf(keys, name.slice(0, -ENDING.length))
      : `does not end in .pub`;
    if (problem === undefined) good += 1;
    else yield warning(`${file} is not used as a key: it ${problem}`, "put one public key (PEM) into <issuer>.pub");
  }
  if (good > 0) yield ok(`${count(good, "issuer")} of tokens in ${folder}`);
  else yield failure(`no token can be valid: there is no public key in ${folder}`, "put one there: <issuer>.pub (PEM)");
}

/** Why it is no key of an issuer. */
async function problemOf(keys: PublicKeys, issuer: string): Promise<string | undefined> {
  try {
    const key = await keys.find(issuer);
    return key === undefined
      ? "has no public key (PEM), a private key, or a name that no issuer can have"
      : kindOf(key);
  } catch (error) {
    return unreadProblem(error);
  }
}

/** Tokens are signed with RS256, ES256 or EdDSA. */
function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve = "unknown", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (type === "ed25519") return undefined;
  if (type === "rsa")
    return modulusLength >= 2048 ? undefined : `has an RSA key of ${modulusLength} bits; 2048 is the least`;
  if (type === "ec" && namedCurve === "prime256v1") return undefined;
  return `has a key of the kind ${type === "ec" ? `EC on ${namedCurve}` : type}; tokens need RSA, EC on P-256 or Ed25519`;
}
