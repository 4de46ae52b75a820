import type { FastifyContextConfig, FastifyInstance, FastifySchema } from "fastify";

/** A route of this server, with its own schemas. */
export interface CollectedRoute {
  readonly method: string;
  readonly url: string;
  readonly schema: FastifySchema;
  readonly config: FastifyContextConfig;
}

/** Remembers the routes that are added from now on; those of Fastify's own for HEAD and of CORS are left out. */
export function collectRoutes(app: FastifyInstance): readonly CollectedRoute[] {
  const routes: CollectedRoute[] = [];
  app.addHook("onRoute", ({ method, url, schema = {}, config = {} }) => {
    if (url === "*") return;
    for (const name of [method].flat()) if (name !== "HEAD") routes.push({ method: name, url, schema, config });
  });
  return routes;
}
