import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { PageFiles } from "../page-files.ts";

interface PageRoutesOptions {
  /** Where the build has put the page. */
  readonly folder: string;
}

/** The page for people, at `/ui/`. It is open: it asks for a token itself where this server wants one. */
export const pageRoutes: FastifyPluginAsync<PageRoutesOptions> = async (app, { folder }) => {
  const files = new PageFiles(folder);
  app.addHook("onClose", () => files.close());

  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.replace(/\?.*$/s, "");
    if (path === "/ui") return reply.redirect("ui/"); // a proxy may have put a path before it
    if (!(await files.send(path, request, reply))) throw new PluginError("PAGE_NOT_FOUND", "404 page not found");
    return reply;
  };
  app.get("/ui", { config: { open: true } }, handler);
  app.get("/ui/*", { config: { open: true } }, handler);
};
