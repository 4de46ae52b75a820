import type { FastifyPluginAsync } from "fastify";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { errorPrefix } from "../messages.ts";

/** `GET /plugins/T/prebuild`: what the plugin hosts offer. */
export const prebuildRoutes: FastifyPluginAsync<{ catalog: Catalogue }> = async (app, { catalog }) => {
  for (const type of PLUGIN_TYPES) {
    app.get(
      `/plugins/${type}/prebuild`,
      { config: { errorPrefix: () => errorPrefix.prebuild(type) } },
      async (_request, reply) => {
        const { plugins, failedHosts } = await catalog.list(type);
        if (failedHosts.length > 0) reply.header("plugin-hosts-failed", failedHosts.join(", "));
        return reply.type("application/json").send(plugins);
      },
    );
  }
};
