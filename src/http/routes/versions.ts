import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import { jsonBody } from "../body/request-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { bodyErrorPrefix, changeHeaders, errorPrefix, replyMessage, usedByHeader } from "../messages.ts";
import { answerChange } from "../respond-async.ts";
import { ForceQuery, isOne, NameParams } from "../schemas.ts";

interface VersionRoutesOptions {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly engine: Engine | undefined;
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
  { installed, manager, engine, jobs },
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
        schema: { params: NameParams, body: RollbackBody, querystring: ForceQuery },
        preValidation: jsonBody(RollbackBody, { mayBeEmpty: true }),
        config: {
          errorPrefix: errorPrefix.rollback(type),
          bodyErrorPrefix: bodyErrorPrefix.rollback,
          audited: { action: "rollback", about: type },
        },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const { body: wanted } = request;
        const caller = callerOf(request);
        const use = engine?.guard.change(plugin, isOne(request.query.force));
        return answerChange(request, reply, jobs, { action: "rollback", plugin }, async ({ signal, progress }) => {
          const watch = { signal, progress, permit: use?.permit };
          const { version, compatibility } = await manager.rollback(plugin, wanted, caller, watch);
          const headers = { ...changeHeaders(compatibility), ...usedByHeader((await use?.rules()) ?? []) };
          return { status: 200, body: replyMessage.rolledBack(plugin.name, version), headers };
        });
      },
    );
  }
};
