import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { FastifyReply } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import { errorPrefix } from "../messages.ts";
import { NameParams } from "../schemas.ts";

interface LogRoutesOptions {
  readonly jobs: Jobs;
  readonly installed: InstalledPlugins;
}

/** What install.sh printed: in a job, and for the installed version of a plugin. */
export const logRoutes: FastifyPluginAsyncTypebox<LogRoutesOptions> = async (app, { jobs, installed }) => {
  app.get(
    "/jobs/:id/log",
    { schema: { params: Type.Object({ id: Type.String() }) }, config: { errorPrefix: errorPrefix.describeJob } },
    async ({ params }, reply) => {
      const printed = await jobs.printed(await jobs.find(params.id));
      if (printed !== undefined) return sendLog(reply, printed);
      throw new PluginError("LOG_NOT_FOUND", "no install.sh has printed anything in it, or that is not kept any more");
    },
  );

  for (const type of PLUGIN_TYPES) {
    app.get(
      `/plugins/${type}/:name/log`,
      { schema: { params: NameParams }, config: { errorPrefix: errorPrefix.describe(type) } },
      async ({ params }, reply) => sendLog(reply, await installed.log({ type, name: params.name })),
    );
  }
};

/** A script decides what is in it, so no browser may take it for a page. */
function sendLog(reply: FastifyReply, text: string): FastifyReply {
  return reply.headers({ "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }).send(text);
}
