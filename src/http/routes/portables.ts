import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { portableInstaller } from "../../engine/portables.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { BodyDecoder } from "../body/decode-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { InstallBodies, installBodySchema } from "../install-body.ts";
import { bodyErrorPrefix, errorPrefix } from "../messages.ts";

interface PortableRoutesOptions {
  readonly manager: PluginManager;
  readonly bodies: BodyDecoder;
  readonly trust: Pick<Config["trust"], "maxStatementBytes">;
  readonly engine: Engine | undefined;
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
  const { manager, bodies, engine, trust } = options;
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
      handler: async (request, reply) => {
        const { name = request.body.name } = request.params;
        const change = bodies.handOver(request, (body) =>
          manager.handPortable(action, { ...body, name: name ?? null }, callerOf(request), (checked) =>
            portableInstaller(engine, method, checked, request.headers.authorization),
          ),
        );
        const { status, text, contentType } = await change();
        return reply.code(status).type(contentType).send(text);
      },
    });
  }
};

function refuse(): never {
  throw new PluginError(
    "NOT_SUPPORTED",
    "portable plugins are run by the engine, and this server stands alone: set engine.url to the engine's address",
  );
}
