import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import { jsonBody } from "../body/request-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { changeInstalled, type InFront } from "../in-front.ts";
import { bodyErrorPrefix, changeHeaders, errorPrefix, replyMessage } from "../messages.ts";
import { answerChange } from "../respond-async.ts";
import { NameParams, RestartQuery } from "../schemas.ts";

interface VersionRoutesOptions extends InFront {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly jobs: Jobs;
}

const MAX_VERSION_LENGTH = 255;

const optionalVersion = Type.Optional(
  Type.Union([Type.String({ maxLength: MAX_VERSION_LENGTH }), Type.Null()], {
    description: "a string",
    limit: `at most ${MAX_VERSION_LENGTH} characters`,
  }),
);
const RollbackBody = Type.Object({ version: optionalVersion, id: optionalVersion });

/** The versions of a plugin that are kept, and the way back to them. */
export const versionRoutes: FastifyPluginAsyncTypebox<VersionRoutesOptions> = async (
  app,
  { installed, manager, engine, restarts, jobs },
) => {
  for (const type of PLUGIN_TYPES) {
    app.get(
      `/plugins/${type}/:name/versions`,
      { schema: { params: NameParams }, config: { errorPrefix: errorPrefix.describe(type) } },
      async (request) => installed.versions({ type, name: request.params.name }),
    );

    app.post(
      `/plugins/${type}/:name/rollback`,
      {
        schema: { params: NameParams, body: RollbackBody, querystring: RestartQuery },
        preValidation: jsonBody(RollbackBody, { mayBeEmpty: true }),
        config: {
          errorPrefix: errorPrefix.rollback(type),
          bodyErrorPrefix: bodyErrorPrefix.rollback,
          audited: { action: "rollback", about: type },
        },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const { body: wanted, query } = request;
        const wishes = { query, caller: callerOf(request) };
        return answerChange(request, reply, jobs, { action: "rollback", plugin }, (run) =>
          changeInstalled(plugin, { engine, restarts }, wishes, run, async (watch) => {
            const { version, compatibility } = await manager.rollback(plugin, wanted, wishes.caller, watch);
            const headers = changeHeaders(compatibility);
            return { status: 200, body: replyMessage.rolledBack(plugin.name, version), headers };
          }),
        );
      },
    );
  }
};
