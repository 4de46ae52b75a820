import type { FastifyInstance } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { Connections } from "../connections/connections.ts";
import { sendError } from "./error-reply.ts";

/**
 * Refuses the requests of connections beyond the limits, all but `/ping`, and answers the requests of one connection
 * one after the other: clients that send many and read no reply would otherwise have all replies kept for them.
 */
export function limitConnections(app: FastifyInstance, connections: Connections): void {
  connections.watch(app.server);
  app.addHook("onRequest", (request, reply, done) => {
    const connection = connections.of(request.raw.socket);
    if (connection === undefined) return done();
    const { exceeds } = connection;
    if (exceeds === undefined || request.routeOptions.url === "/ping") return connection.inTurn(reply.raw, done);
    const message = `the server has too many open connections (${exceeds}); close some, or try again in a moment`;
    sendError(request, reply, new PluginError("TOO_BUSY", message));
  });
}
