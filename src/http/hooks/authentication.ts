import type { FastifyInstance, FastifyRequest } from "fastify";
import type { PublicKeys } from "../../auth/public-keys.ts";
import { checkToken, type TokenRules } from "../../auth/tokens.ts";
import type { Caller, TokenHolder } from "../../domain/change.ts";
import { READING_METHODS } from "./request-log.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Undefined where the server does not ask for tokens. */
    token: TokenHolder | undefined;
    caller: Caller | undefined;
  }
  interface FastifyContextConfig {
    /** Works without a token, for a supervisor's health check; or whether a request does. */
    open?: boolean | ((request: FastifyRequest) => boolean);
    /** Changes nothing, whatever the method. */
    readsOnly?: boolean;
  }
}

/** Who made a request: for the audit and the log of a change. The same object for the same request. */
export function callerOf(request: FastifyRequest): Caller {
  request.caller ??= { address: request.ip, token: request.token, requestId: request.id, log: request.log };
  return request.caller;
}

/** Refuses requests without a valid token, except for routes that are open. */
export function requireTokens(app: FastifyInstance, keys: PublicKeys, rules: TokenRules): void {
  app.decorateRequest("token", undefined);
  app.addHook("onRequest", async (request, reply) => {
    // A preflight can't carry a token, and its reply has nothing to protect.
    const { open = false } = request.routeOptions.config;
    if ((typeof open === "function" ? open(request) : open) || request.method === "OPTIONS") return;
    // The engine tells everybody its version; its clients look whether it is there without a token.
    if (rules.asEngine && request.routeOptions.url === "/") return;
    const { readsOnly = READING_METHODS.includes(request.method) } = request.routeOptions.config;
    const access = request.passedOn ?? (readsOnly ? "read" : "write");
    try {
      request.token = await checkToken(request.headers.authorization, access, keys, rules);
    } catch (error) {
      reply.header("www-authenticate", 'Bearer realm="kuiper"');
      throw error;
    }
  });
}
