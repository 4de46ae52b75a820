import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PluginError } from "../domain/errors.ts";
import type { Lazy } from "../lib/lazy.ts";

/** A page for people and its files. */
export interface PageServer {
  /** Whether a path such as `/ui/assets/main-1a2b.js` is one of its files: nothing else is there, in whatever spelling. */
  has(path: string): boolean;
  /** Has no port: it gets its requests from the server that listens, after all hooks of that. */
  readonly server: FastifyInstance;
}

/** The page runs its own scripts and asks its own server, and nothing else, whatever is put into it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** As @fastify/static has them. */
interface FileError extends FastifyError {
  /** `Content-Range` of a file that has no such part. */
  readonly headers?: Record<string, string>;
}

/**
 * Keeps browsers from doing more with what a server of pages sends than the page needs.
 *
 * @param log told of what can't be sent
 * @param more further directives of the policy
 */
export function securePages(server: FastifyInstance, log: FastifyBaseLogger, more = ""): void {
  const headers = {
    "content-security-policy": more === "" ? POLICY : `${POLICY}; ${more}`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
  };
  server.addHook("onRequest", (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  // Of a condition that does not hold, a range that is not there or a file that is gone since, a browser needs the status alone.
  server.setNotFoundHandler((_request, reply) => reply.code(404).send());
  server.setErrorHandler<FileError>((error, { url }, reply) => {
    const { statusCode = 500, headers = {} } = error;
    if (statusCode >= 500) log.error({ err: error, url }, "a file of the page can't be sent");
    return reply.code(statusCode).headers(headers).send();
  });
}

/** Serves a page below a path, to everybody. What serves it is made when somebody opens it, so that nobody else pays for it. */
export function servePage(app: FastifyInstance, path: "/ui" | "/docs", page: Lazy<PageServer>): void {
  app.addHook("onClose", async () => (await page.made())?.server.close());
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = request.url.replace(/\?.*$/s, "");
    if (asked === path) return reply.redirect(`${path.slice(1)}/`); // relative: a proxy may have put a path before it
    const opened = await page.get();
    if (!opened.has(asked)) throw new PluginError("PAGE_NOT_FOUND", "404 page not found");
    reply.hijack();
    opened.server.routing(request.raw, reply.raw);
    return reply;
  };
  for (const url of [path, `${path}/*`]) app.get(url, { config: { open: true } }, handler);
}
