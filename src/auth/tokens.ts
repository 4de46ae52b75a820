import type { KeyObject } from "node:crypto";
import type { TokenHolder } from "../domain/change.ts";
import { PluginError } from "../domain/errors.ts";
import type { PublicKeys } from "./public-keys.ts";

/** The audience of the tokens, as the later engine spells its name. */
const AUDIENCE = "eKuiper";

/** Signatures that can't be made with the public key: a token must not choose a weaker one. */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** Seconds by which clocks may differ. */
const CLOCK_TOLERANCE = 30;

const BEARER = /^Bearer +([^\s,]+)$/i;
/** The three parts of a signed token: no other scheme looks like that. */
const RAW = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const KEY_ENDING = ".pub";

/** What a token's `scope` may allow; one without a scope allows both, as the engine's own tokens do. */
type Access = "read" | "write";

/** Which tokens are taken. */
export interface TokenRules {
  /** `basic.requireTokenExpiry`: false also takes a token without `exp`, never one that has expired. Default: true. */
  readonly requireExpiry?: boolean;
  /** Also takes tokens as the engine's own clients send them: without `Bearer`, and with `.pub` after the issuer. */
  readonly asEngine?: boolean;
}

/**
 * Checks a request's `Authorization` header: a JSON web token of an issuer whose public key is in the folder, for
 * this audience, not expired.
 *
 * @throws PluginError UNAUTHENTICATED, or FORBIDDEN when the token does not allow that much
 */
export async function checkToken(
  header: string | undefined,
  access: Access,
  keys: PublicKeys,
  { requireExpiry = true, asEngine = false }: TokenRules = {},
): Promise<TokenHolder> {
  const token = BEARER.exec(header ?? "")?.[1] ?? (asEngine ? RAW.exec(header ?? "")?.[0] : undefined);
  if (token === undefined) {
    throw new PluginError("UNAUTHENTICATED", "a token is needed: send it as `Authorization: Bearer <token>`");
  }
  const { decodeJwt, jwtVerify } = await import("jose"); // loaded on the first request: most servers have no tokens
  const verify = async () => {
    const { iss: issuer = "" } = decodeJwt(token);
    const key = await findKey(issuer, keys, asEngine);
    const expected = { issuer, audience: AUDIENCE, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE };
    const { payload } = await jwtVerify(token, key, { ...expected, requiredClaims: requireExpiry ? ["exp"] : [] });
    return { issuer, subject: payload.sub ?? issuer, scope: payload.scope };
  };
  const { issuer, subject, scope } = await verify().catch((error) => {
    throw error instanceof PluginError ? error : refused((error as Error).message, error);
  });
  if (scope !== undefined && !allows(scope, access)) {
    throw new PluginError("FORBIDDEN", `the token does not allow to ${access}: its scope lacks the word ${access}`);
  }
  return { subject, issuer };
}

/** @param mayBeFileName whether the issuer may be its key's file name, as for the engine: `sample_key.pub` */
async function findKey(issuer: string, keys: PublicKeys, mayBeFileName: boolean): Promise<KeyObject> {
  const find = (name: string) =>
    keys.find(name).catch((cause) => {
      throw refused("the public key of its issuer can't be read", cause); // the system's message has the path
    });
  const isFileName = mayBeFileName && typeof issuer === "string" && issuer.endsWith(KEY_ENDING);
  const key = (await find(issuer)) ?? (isFileName ? await find(issuer.slice(0, -KEY_ENDING.length)) : undefined);
  if (key === undefined) throw refused("there is no usable public key of its issuer in etc/mgmt");
  return key;
}

/** `scope` is a list that is separated by spaces, as in OAuth (RFC 8693, 4.2); `write` includes `read`. */
function allows(scope: unknown, access: Access): boolean {
  const scopes = typeof scope === "string" ? scope.split(" ") : [];
  return scopes.includes(access) || (access === "read" && scopes.includes("write"));
}

function refused(reason: string, cause?: unknown): PluginError {
  return new PluginError("UNAUTHENTICATED", `the token is refused: ${reason}`, { cause });
}
