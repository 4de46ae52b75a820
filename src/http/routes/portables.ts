import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { PackageRequest } from "../../domain/install-request.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineReply } from "../../engine/engine-client.ts";
import { portableInstaller } from "../../engine/portables.ts";
import type { JobResult, JobRun } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { BodyDecoder } from "../body/decode-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { InstallBodies, installBodySchema } from "../install-body.ts";
import { bodyErrorPrefix, errorPrefix } from "../messages.ts";
import { answerChange } from "../respond-async.ts";

interface PortableRoutesOptions {
  readonly manager: PluginManager;
  readonly bodies: BodyDecoder;
  readonly trust: Pick<Config["trust"], "maxStatementBytes">;
  readonly engine: Engine | undefined;
  readonly jobs: Jobs;
}

const URL = "/plugins/portables";

/** What an engine has for them: a list, one of them, and its status. */
const UNSUPPORTED = [
  { method: ["POST"], url: URL },
  { method: ["GET", "PUT", "DELETE"], url: `${URL}/:name` },
  { method: ["GET"], url: `${URL}/:name/status` },
];

const WRITES = [
  { method: "POST", url: URL, action: "install" },
  { method: "PUT", url: `${URL}/:name`, action: "update" },
] as const;

const Params = Type.Object({ name: Type.Optional(Type.String()) });

/**
 * Portable plugins are the engine's: what reads or deletes them is passed on. A zip is received and checked by this server
 * first, and the engine is given the file that was checked.
 */
export const portableRoutes: FastifyPluginAsyncTypebox<PortableRoutesOptions> = async (app, options) => {
  const { manager, bodies, engine, jobs, trust } = options;
  if (engine === undefined) {
    app.get(URL, (_request, reply) => reply.type("application/json").send("[]"));
    for (const route of UNSUPPORTED) app.route({ ...route, handler: refuse });
    return;
  }
  const installs = new InstallBodies(bodies, trust, installBodySchema(trust));
  for (const { method, url, action } of WRITES) {
    app.route({
      method,
      url,
      schema: { params: Params, body: installs.schema },
      preValidation: installs.decode(),
      config: {
        bodyAsStream: true,
        errorPrefix: errorPrefix.portable(action),
        bodyErrorPrefix: bodyErrorPrefix.portable,
        audited: { action, about: "portables" },
      },
      handler: (request, reply) => {
        const name = request.params.name ?? request.body.name ?? null;
        const subject = { action, plugin: { type: "portables", name: name ?? "" } } as const;
        const caller = callerOf(request);
        const { authorization } = request.headers;
        const change = bodies.handOver(request, async (body, run: JobRun) => {
          const engineFor = (checked: PackageRequest) => portableInstaller(engine, method, checked, authorization);
          return resultOf(await manager.handPortable(action, { ...body, name }, caller, engineFor, run));
        });
        return answerChange(request, reply, jobs, subject, change);
      },
    });
  }
};

/** The engine's reply is the client's as it is. */
function resultOf({ status, text, contentType }: EngineReply): JobResult {
  const reply = { status, body: text, headers: { "content-type": contentType } };
  return status < 400 ? reply : { ...reply, error: "ENGINE_REFUSED", message: text.trim() };
}

function refuse(): never {
  throw new PluginError(
    "NOT_SUPPORTED",
    "portable plugins are run by the engine, and this server stands alone: set engine.url to the engine's address",
  );
}
