import type { FastifyPluginAsync } from "fastify";
import type { Config } from "../../config/schema.ts";
import type { Metrics } from "../../metrics/metrics.ts";

interface MetricsRoutesOptions {
  readonly metrics: Metrics;
  readonly config: Config["metrics"];
}

/** `GET /metrics`, for Prometheus. */
export const metricsRoutes: FastifyPluginAsync<MetricsRoutesOptions> = async (app, { metrics, config }) => {
  app.get("/metrics", { config: { open: config.public } }, async (_request, reply) => {
    const { contentType, text } = await metrics.scrape();
    return reply.type(contentType).send(text);
  });
};
