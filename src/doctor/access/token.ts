import { PublicKeys } from "../../auth/public-keys.ts";
import { checkToken } from "../../auth/tokens.ts";
import { PluginError } from "../../domain/errors.ts";
import { tokenIn } from "../../domain/token-text.ts";
import { quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { isOpenToOthers, readTextFile } from "./pem-file.ts";

const SOON_MS = 86_400_000;

/** The token that was given: who signed it, how long it lasts, what it may do. */
export async function* token({ config, layout, tokenFile }: Situation): AsyncIterable<Observation> {
  if (tokenFile === undefined) return yield skipped("no token was given: --token-file has one looked at");
  const text = await readTextFile(tokenFile).catch((error: Error) => error);
  if (text instanceof Error) return yield failure(`${tokenFile} ${text.message}`, "give a file with a token");
  if (await isOpenToOthers(tokenFile)) yield warning(`every user can read ${tokenFile}`, `chmod o-r ${tokenFile}`);
  const { authentication, requireTokenExpiry: requireExpiry } = config.basic;
  if (!authentication) yield ok("the server asks for none: basic.authentication is false");

  const rules = { requireExpiry, asEngine: config.engine.url !== "" };
  const keys = new PublicKeys(layout.keysFolder);
  const jwt = tokenIn(text);
  const header = `Bearer ${jwt}`;
  const expiry = await expiryOf(jwt);
  try {
    const { issuer, subject } = await checkToken(header, "read", keys, rules);
    const writes = await checkToken(header, "write", keys, rules).then(
      () => true,
      () => false,
    );
    const may = writes ? "read and write" : "read alone";
    yield ok(`of ${quoted(subject)}, signed with the key of ${quoted(issuer)}; it may ${may}`);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const isOver = expiry !== undefined && expiry.getTime() < Date.now();
    const expired = isOver ? ` (it has expired at ${expiry.toISOString()})` : "";
    return yield failure(
      `${error.message}${expired}`,
      "have its issuer make a new one, or put its public key into etc/mgmt",
    );
  }
  if (expiry === undefined) yield warning("the token never expires", "have one made with exp");
  else if (expiry.getTime() - Date.now() < SOON_MS) {
    yield warning(`the token expires at ${expiry.toISOString()}`, "renew it before");
  } else yield ok(`the token expires at ${expiry.toISOString()}`);
}

/** Undefined where it says none, or is no token. */
export async function expiryOf(text: string): Promise<Date | undefined> {
  const { decodeJwt } = await import("jose");
  try {
    const { exp } = decodeJwt(text);
    const date = typeof exp === "number" ? new Date(exp * 1000) : undefined;
    return date && !Number.isNaN(date.getTime()) ? date : undefined;
  } catch {
    return undefined;
  }
}
