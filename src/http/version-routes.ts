import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { PLUGIN_TYPES } from "../domain/plugin.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { InstalledPlugins } from "../manage/installed-plugins.ts";
import type { PluginManager } from "../plugin-manager.ts";
import { callerOf } from "./authentication.ts";
import { jsonBody } from "./body/json-body.ts";
import { textField } from "./body/text-field.ts";
import { compatibilityHeader } from "./compatibility-header.ts";
import { answerChange } from "./jobs/respond-async.ts";
import { NameParams, nameOf } from "./name-param.ts";
import { errorPrefix, replyText } from "./reply-texts.ts";

export interface VersionRoutesOptions {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly jobs: Jobs;
}

const RollbackBody = Type.Object({ version: textField, id: textField });

/** The versions of a plugin that are kept, and the way back to them. */
export const versionRoutes: FastifyPluginAsyncTypebox<VersionRoutesOptions> = async (
  app,
  { installed, manager, jobs },
) => {
  for (const type of PLUGIN_TYPES) {
    app.get(
      `/plugins/${type}/:name/versions`,
      {
        schema: { params: NameParams },
        config: { errorPrefix: ({ params }) => errorPrefix.describe(type, nameOf(params)) },
      },
      async (request) => installed.versions({ type, name: request.params.name }),
    );

    app.post(
      `/plugins/${type}/:name/rollback`,
      {
        schema: { params: NameParams, body: RollbackBody },
        preValidation: jsonBody(RollbackBody, { mayBeEmpty: true }),
        config: {
          errorPrefix: ({ params }) => errorPrefix.rollback(type, nameOf(params)),
          bodyErrorPrefix: errorPrefix.rollbackBody,
        },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const { body: wanted } = request;
        const caller = callerOf(request);
        return answerChange(request, reply, jobs, { action: "rollback", plugin }, async (run) => {
          const { version, compatibility } = await manager.rollback(plugin, wanted, caller, run);
          const headers = compatibilityHeader(compatibility);
          return { status: 200, body: replyText.rolledBack(plugin.name, version), headers };
        });
      },
    );
  }
};
