import type { FastifyInstance, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { EngineClient } from "../../engine/engine-client.ts";
import { auditPassedOn } from "../hooks/audit.ts";
import type { UploadingSockets } from "../hooks/client-error.ts";
import { exchange } from "./exchange.ts";
import { type PassedOn, passedOnAs } from "./ownership.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Undefined for what this server answers itself. */
    passedOn: PassedOn | undefined;
  }
}

interface PassOnOptions {
  readonly client: EngineClient;
  readonly isTls: boolean;
  readonly uploading: UploadingSockets;
  readonly requestTimeoutSeconds: number;
  /** Fires when the server closes. */
  readonly closing: AbortSignal;
}

/**
 * Tells what is passed on to the engine from what is ours, and refuses what has been passed on already. To be called
 * before the hooks that go by it.
 */
export function tellPassedOn(app: FastifyInstance, client: EngineClient | undefined): void {
  app.decorateRequest("passedOn", undefined);
  if (client === undefined) return;
  app.addHook("onRequest", (request, _reply, done) => {
    if (isUnrouted(request)) request.passedOn = passedOnAs(request);
    if (!request.headers.via?.includes(client.mark)) return done();
    const message = `${client.url} (engine.url) leads to this server itself: set it to the engine's own address`;
    done(new PluginError("ENGINE_UNREACHABLE", message));
  });
}

/** Passes on what is not ours. To be called after all hooks that may refuse a request. */
export function passOn(app: FastifyInstance, { client, requestTimeoutSeconds, ...rest }: PassOnOptions): void {
  const options = { client, bodyStallMs: requestTimeoutSeconds * 1000, ...rest };
  app.addHook("onRequest", (request, reply, done) => {
    if (request.passedOn === undefined) return done();
    if (asksForWebSocket(request)) {
      const message = `WebSocket is not passed on; connect to the engine itself, at ${client.url} (engine.url)`;
      return done(new PluginError("NOT_SUPPORTED", message));
    }
    exchange(request, reply, options, (outcome) => {
      if (request.passedOn === "write") auditPassedOn(request, outcome);
      if (typeof outcome !== "number" && !reply.raw.destroyed) done(outcome);
    });
  });
}

/** Whether no route of ours takes it; the one of CORS takes every OPTIONS. */
function isUnrouted(request: FastifyRequest): boolean {
  return request.is404 || request.routeOptions.url === "*";
}

/** Other upgrades, such as the HTTP/2 that Java's client offers with each request, need not be taken. */
function asksForWebSocket({ headers }: FastifyRequest): boolean {
  return headers.upgrade?.toLowerCase().includes("websocket") ?? false;
}
