import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { checkPluginName } from "../../domain/names.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { JobRun } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { IncomingBodies } from "../body/incoming-bodies.ts";
import { compatibilityHeader, withCompatibility } from "../compatibility-header.ts";
import { callerOf } from "../hooks/authentication.ts";
import { decodeInstallBody, InstallBodySchema } from "../install-body.ts";
import { errorPrefix, replyText } from "../messages.ts";
import { answerChange } from "../respond-async.ts";
import { NameParams, nameOf } from "../schemas.ts";

export interface PluginRoutesOptions {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly jobs: Jobs;
  readonly bodies: IncomingBodies;
  /** Ends the process so that its supervisor starts it anew. */
  readonly restart: () => void;
}

/** Of any form: a value that means nothing must not make a delete fail. */
const DeleteQuery = Type.Object({ restart: Type.Optional(Type.Unknown()), stop: Type.Optional(Type.Unknown()) });

export const pluginRoutes: FastifyPluginAsyncTypebox<PluginRoutesOptions> = async (app, options) => {
  const { installed, manager, jobs, bodies, restart } = options;
  for (const type of PLUGIN_TYPES) {
    const url = `/plugins/${type}`;
    const bodyErrorPrefix = errorPrefix.body(type);

    app.get(url, (_request, reply) => {
      reply.type("application/json").send(jsonOf(installed.names(type)));
    });

    app.post(
      url,
      {
        schema: { body: InstallBodySchema },
        preValidation: decodeInstallBody(bodies, (name) => void checkPluginName(name)),
        config: { bodyAsStream: true, errorPrefix: () => errorPrefix.create(type), bodyErrorPrefix },
      },
      (request, reply) => {
        const caller = callerOf(request);
        const subject = { action: "install", plugin: { type, name: request.body.name ?? "" } } as const;
        const install = bodies.handOver(request, async (order, run: JobRun) => {
          const { id, compatibility } = await manager.install(type, order, caller, run);
          const headers = compatibilityHeader(compatibility);
          return { status: 201, body: replyText.created(type, id.name), headers };
        });
        return answerChange(request, reply, jobs, subject, install);
      },
    );

    app.post(
      `${url}/inspect`,
      {
        schema: { body: InstallBodySchema },
        preValidation: decodeInstallBody(bodies, (name) => void checkPluginName(name)),
        config: { bodyAsStream: true, errorPrefix: () => errorPrefix.inspect(type), bodyErrorPrefix },
      },
      async (request, reply) => {
        const inspect = bodies.handOver(request, (order) => manager.inspect(type, order, callerOf(request)));
        const report = await inspect();
        return withCompatibility(reply, report).send(report);
      },
    );

    app.get(
      `${url}/:name`,
      {
        schema: { params: NameParams },
        config: { errorPrefix: ({ params }) => errorPrefix.describe(type, nameOf(params)) },
      },
      async (request) => installed.describe({ type, name: request.params.name }),
    );

    app.put(
      `${url}/:name`,
      {
        schema: { params: NameParams, body: InstallBodySchema },
        preValidation: decodeInstallBody(bodies),
        config: {
          bodyAsStream: true,
          errorPrefix: ({ params }) => errorPrefix.update(type, nameOf(params)),
          bodyErrorPrefix,
        },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const caller = callerOf(request);
        const update = bodies.handOver(request, async (order, run: JobRun) => {
          const { compatibility } = await manager.update(plugin, order, caller, run);
          return { status: 200, body: replyText.updated(plugin.name), headers: compatibilityHeader(compatibility) };
        });
        return answerChange(request, reply, jobs, { action: "update", plugin }, update);
      },
    );

    app.delete(
      `${url}/:name`,
      {
        schema: { params: NameParams, querystring: DeleteQuery },
        config: { errorPrefix: ({ params }) => errorPrefix.delete(type, nameOf(params)) },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const caller = callerOf(request);
        const stops = isOne(request.query.restart) || isOne(request.query.stop);
        // Asked for now: a client that gives up while the delete waits for its turn has ended the reply by then.
        const ended = new Promise<void>((resolve) => reply.raw.once("close", resolve));
        return answerChange(request, reply, jobs, { action: "delete", plugin }, async (run) => {
          await manager.remove(plugin, caller, run);
          if (!stops) return { status: 200, body: replyText.deleted(type, plugin.name) };
          void ended.then(restart); // after the answer, or when nobody waits for it any more
          return { status: 200, body: replyText.deletedAndStopping(type, plugin.name) };
        });
      },
    );
  }
};

/** A parameter that is given more than once counts as it is given first. */
function isOne(value: unknown): boolean {
  return (Array.isArray(value) ? value[0] : value) === "1";
}

const cache = new WeakMap<object, Buffer>();

/**
 * The JSON of a value that never changes, made once for as long as the value lives. With ten thousand plugins, making
 * the list anew would take longer than all the rest of the request.
 */
export function jsonOf(value: object): Buffer {
  let json = cache.get(value);
  if (json === undefined) {
    json = Buffer.from(JSON.stringify(value));
    cache.set(value, json);
  }
  return json;
}
