import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import { jsonBody } from "../body/request-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { bodyErrorPrefix, compatibilityHeader, errorPrefix, replyMessage } from "../messages.ts";
import { answerChange } from "../respond-async.ts";
import { functionList, NameParams } from "../schemas.ts";

interface FunctionRoutesOptions {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly jobs: Jobs;
}

const RegisterBody = Type.Object({
  functions: functionList,
});

/** What a later engine has for plugins with several functions: which functions there are, and which plugin has them. */
export const functionRoutes: FastifyPluginAsyncTypebox<FunctionRoutesOptions> = async (
  app,
  { installed, manager, jobs },
) => {
  app.get("/plugins/udfs", async () => installed.functions());

  app.get(
    "/plugins/udfs/:name",
    { schema: { params: NameParams }, config: { errorPrefix: errorPrefix.describeFunction } },
    async (request) => installed.describeFunction(request.params.name),
  );

  app.post(
    "/plugins/functions/:name/register",
    {
      schema: { params: NameParams, body: RegisterBody },
      preValidation: jsonBody(RegisterBody),
      config: {
        errorPrefix: errorPrefix.register,
        bodyErrorPrefix: bodyErrorPrefix.functionList,
        audited: { action: "register", about: "functions" },
      },
    },
    (request, reply) => {
      const plugin = { type: "functions", name: request.params.name } as const;
      const [{ functions }, caller] = [request.body, callerOf(request)];
      return answerChange(request, reply, jobs, { action: "register", plugin }, async (run) => {
        const { compatibility } = await manager.registerFunctions(plugin, functions, caller, run);
        return { status: 200, body: replyMessage.registered(plugin.name), headers: compatibilityHeader(compatibility) };
      });
    },
  );
};
