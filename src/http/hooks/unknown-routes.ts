import type { FastifyInstance } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { sendError } from "./error-reply.ts";

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/**
 * Answers what no route takes: 405 with the allowed methods where the path is known, else 404. Fastify alone answers
 * 404 to both. To be called before the routes are added.
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const paths = new Map<string, KnownPath>();
  app.addHook("onRoute", ({ url, method }) => {
    if (url === "*") return; // the preflight route of CORS takes every path
    const known = paths.get(url) ?? { pattern: pathPattern(url), methods: new Set() };
    for (const name of [method].flat()) known.methods.add(name);
    paths.set(url, known);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = routedPath(request.url);
    const matching = [...paths.values()].filter(({ pattern }) => pattern.test(path));
    if (matching.length === 0)
      return sendError(request, reply, new PluginError("PAGE_NOT_FOUND", "404 page not found"));

    const allowed = [...new Set(matching.flatMap(({ methods }) => [...methods])), "OPTIONS"].sort().join(", ");
    reply.header("allow", allowed);
    if (request.method === "OPTIONS") return reply.code(204).send();
    if (!app.errorsAreJson(request.headers.accept)) {
      app.onRefusal("METHOD_NOT_ALLOWED");
      return reply.code(405).send();
    }
    const message = `${request.method} is not allowed here; allowed are ${allowed}`;
    return sendError(request, reply, new PluginError("METHOD_NOT_ALLOWED", message));
  });
}

/** The path as the router reads it: without host and query, decoded, without repeated slashes. */
function routedPath(url: string): string {
  const path = url.replace(/^[^/]+:\/\/[^/]*/, "").replace(/[?#].*$/s, "");
  return decoded(path)
    .replace(/\/+/g, "/")
    .replace(/(?<=.)\/$/, "");
}

function decoded(path: string): string {
  try {
    return decodeURI(path); // leaves %2F alone: it does not part a path
  } catch {
    return path;
  }
}

function pathPattern(url: string): RegExp {
  const literally = url.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literally.replace(/:[^/]+/g, "[^/]+").replace("*", ".*")}$`);
}
