import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import type { Documents } from "../openapi/documents.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The OpenAPI document as JSON; tests check every reply by it. */
    openApi(): Promise<Buffer>;
  }
}

/** The contract: the OpenAPI document, and a page to read and try it. Both are open, as they have nothing of an installation. */
export const contractRoutes: FastifyPluginAsync<{ readonly documents: Documents }> = async (app, { documents }) => {
  app.addHook("onClose", () => documents.close());
  app.decorate("openApi", () => documents.json());
  const config = { open: true };

  app.get("/openapi.json", { config }, async (_request, reply) => {
    return reply.type("application/json; charset=utf-8").send(await app.openApi());
  });

  const page = async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.replace(/\?.*$/s, "");
    if (path === "/docs") return reply.redirect("docs/"); // a proxy may have put a path before it
    if (!(await documents.sendPage(path, request, reply)))
      throw new PluginError("PAGE_NOT_FOUND", "404 page not found");
    return reply;
  };
  app.get("/docs", { config }, page);
  app.get("/docs/*", { config }, page);
};
