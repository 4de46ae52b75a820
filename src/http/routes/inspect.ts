import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import type { InspectBody } from "../../domain/install-request.ts";
import { checkPluginName } from "../../domain/names.ts";
import { PLUGIN_TYPES, type PluginType } from "../../domain/plugin.ts";
import { LinkedSignal } from "../../lib/signals.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { BodyDecoder } from "../body/decode-body.ts";
import { audited } from "../hooks/audit.ts";
import { callerOf } from "../hooks/authentication.ts";
import { InstallBodies, inspectBodySchema, installBodySchema } from "../install-body.ts";
import { bodyErrorPrefix, errorPrefix, withCompatibility } from "../messages.ts";
import { whenClosed } from "../when-closed.ts";

interface InspectRoutesOptions {
  readonly manager: PluginManager;
  readonly bodies: BodyDecoder;
  readonly trust: Pick<Config["trust"], "maxStatementBytes">;
}

/** What an install would find and do: of a plugin of a type, or of whatever a zip has. */
export const inspectRoutes: FastifyPluginAsyncTypebox<InspectRoutesOptions> = async (app, options) => {
  const { manager, bodies, trust } = options;
  const typed = new InstallBodies(bodies, trust, installBodySchema(trust));
  const untyped = new InstallBodies(bodies, trust, inspectBodySchema(trust));

  const handlerFor =
    (type?: PluginType) => async (request: FastifyRequest<{ Body: InspectBody }>, reply: FastifyReply) => {
      using wanted = untilClosed(reply, bodies.closing);
      const { signal } = wanted;
      const inspect = bodies.handOver(request, (body) => manager.inspect(type, body, callerOf(request), { signal }));
      const report = await audited(request, inspect);
      return withCompatibility(reply, report).send(report);
    };
  const configOf = (type?: PluginType) =>
    ({
      bodyAsStream: true,
      errorPrefix: errorPrefix.inspect(type),
      bodyErrorPrefix: bodyErrorPrefix.plugin(type),
      audited: { action: "inspect", about: type ?? "plugin" },
    }) as const;

  for (const type of PLUGIN_TYPES) {
    const preValidation = typed.decode((name) => void checkPluginName(name));
    const route = { schema: { body: typed.schema }, preValidation, config: configOf(type) };
    app.post(`/plugins/${type}/inspect`, route, handlerFor(type));
  }
  const preValidation = untyped.decode((name) => void (name && checkPluginName(name)));
  const route = { schema: { body: untyped.schema }, preValidation, config: configOf() };
  app.post("/plugins/inspect", route, handlerFor());
};

/** Fires when the connection closes before the reply was sent, and when the server closes. */
function untilClosed(reply: FastifyReply, closing: AbortSignal): LinkedSignal {
  const linked = new LinkedSignal(closing);
  const { raw } = reply;
  whenClosed(raw, () => {
    if (!raw.writableFinished) linked.abort(new PluginError("CANCELLED", "the client has closed the connection"));
  });
  return linked;
}
