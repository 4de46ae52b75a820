import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { EngineRestarts } from "../../engine/restart/restarts.ts";
import { callerOf } from "../hooks/authentication.ts";
import { errorPrefix } from "../messages.ts";

interface EngineRestartRoutesOptions {
  readonly restarts: EngineRestarts;
}

/** `POST /engine/restart`: restarts the engine with all changes that wait for it. */
export const engineRestartRoutes: FastifyPluginAsyncTypebox<EngineRestartRoutesOptions> = async (app, { restarts }) => {
  app.post(
    "/engine/restart",
    { config: { errorPrefix: errorPrefix.restartEngine, audited: { action: "restart", about: "engine" } } },
    async (request, reply) => {
      await restarts.requireSupported();
      const job = restarts.request(callerOf(request));
      const path = `/jobs/${job.id}`;
      return reply.code(202).headers({ location: path, job: path }).send(job.view());
    },
  );
};
