import type { FastifyPluginAsync } from "fastify";
import { Lazy } from "../../lib/lazy.ts";
import type { CollectedRoute } from "../openapi/routes.ts";
import { servePage } from "../page-server.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The OpenAPI document as JSON; tests check every reply by it. */
    openApi(): Promise<Buffer>;
  }
}

interface ContractRoutesOptions {
  /** Those that are described; they may still grow until the first question. */
  readonly routes: readonly CollectedRoute[];
  /** The server's own. */
  readonly version: string;
}

/** The contract: the OpenAPI document, and a page to read and try it. Both are open, as they have nothing of an installation. */
export const contractRoutes: FastifyPluginAsync<ContractRoutesOptions> = async (app, { routes, version }) => {
  const contract = new Lazy(async () => {
    const { describeRoutes } = await import("../openapi/document.ts");
    return describeRoutes(routes, version);
  });
  const page = new Lazy(async () => {
    const { openDocumentPage } = await import("../openapi/page.ts");
    return openDocumentPage(await contract.get(), app.log);
  });
  app.decorate("openApi", () => contract.get());
  app.get("/openapi.json", { config: { open: true } }, async (_request, reply) => {
    return reply.type("application/json; charset=utf-8").send(await app.openApi());
  });
  servePage(app, "/docs", page);
};
