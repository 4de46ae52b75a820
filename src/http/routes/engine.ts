import type { FastifyPluginAsync } from "fastify";
import type { Engine } from "../../engine/engine.ts";

/** `GET /engine`: the engine in front of which this server stands, and what waits for its restart. */
export const engineRoutes: FastifyPluginAsync<{ readonly engine: Engine | undefined }> = async (app, { engine }) => {
  if (engine === undefined) return;
  app.get("/engine", () => engine.report());
};
