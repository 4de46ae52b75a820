import type { TokenHolder } from "../domain/caller.ts";
import { PluginError } from "../domain/errors.ts";
import type { PublicKeys } from "./public-keys.ts";

/** Who the tokens are for, as the later engine spells itself. */
const AUDIENCE = "eKuiper";

/** Signatures that can't be made with the public key: a token must not choose a weaker one. */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** Seconds by which clocks may differ. */
const CLOCK_TOLERANCE = 30;

/** What a token's `scope` may allow; one without a scope allows both, as the engine's own tokens do. */
export type Access = "read" | "write";

/**
 * Checks a request's `Authorization` header: a JSON web token of an issuer whose public key is in the folder, for
 * this audience, not expired.
 *
 * @throws PluginError UNAUTHENTICATED, or FORBIDDEN when the token does not allow that much
 */
export async function checkToken(header: string | undefined, access: Access, keys: PublicKeys): Promise<TokenHolder> {
  const token = /^Bearer +([^\s,]+)$/i.exec(header ?? "")?.[1];
  if (token === undefined) {
    throw new PluginError("UNAUTHENTICATED", "a token is needed: send it as `Authorization: Bearer <token>`");
  }
  const { decodeJwt, jwtVerify } = await import("jose"); // loaded on the first request: most servers have no tokens
  let payload: Awaited<ReturnType<typeof jwtVerify>>["payload"];
  try {
    const issuer = decodeJwt(token).iss ?? "";
    const key = await keys.find(issuer);
    if (key === undefined) throw refused("there is no usable public key of its issuer in etc/mgmt");
    const expected = { issuer, audience: AUDIENCE, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE };
    ({ payload } = await jwtVerify(token, key, { ...expected, requiredClaims: ["exp"] }));
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw refused((error as Error).message, error);
  }
  const { scope } = payload;
  if (scope !== undefined && !allows(scope, access)) {
    throw new PluginError("FORBIDDEN", `the token does not allow to ${access}: its scope lacks the word ${access}`);
  }
  return { subject: payload.sub ?? payload.iss ?? "", issuer: payload.iss ?? "" };
}

/** `scope` is a text of words, as in OAuth (RFC 8693, 4.2); whoever may write may read. */
function allows(scope: unknown, access: Access): boolean {
  const words = typeof scope === "string" ? scope.split(" ") : [];
  return words.includes(access) || (access === "read" && words.includes("write"));
}

function refused(reason: string, cause?: unknown): PluginError {
  return new PluginError("UNAUTHENTICATED", `the token is refused: ${reason}`, { cause });
}
