import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Config } from "../../config/schema.ts";
import { checkPluginName } from "../../domain/names.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import type { JobRun } from "../../jobs/job.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import type { PluginManager } from "../../plugins/plugin-manager.ts";
import type { BodyDecoder } from "../body/decode-body.ts";
import { callerOf } from "../hooks/authentication.ts";
import { changeInstalled, type InFront, thenRestart, wantsRestart } from "../in-front.ts";
import { InstallBodies, installBodySchema } from "../install-body.ts";
import { bodyErrorPrefix, changeHeaders, errorPrefix, replyMessage } from "../messages.ts";
import { answerChange } from "../respond-async.ts";
import { NameParams, RestartQuery } from "../schemas.ts";
import { whenClosed } from "../when-closed.ts";

interface PluginRoutesOptions extends InFront {
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly jobs: Jobs;
  readonly bodies: BodyDecoder;
  readonly trust: Pick<Config["trust"], "maxStatementBytes">;
  /** Ends the process so that its supervisor restarts it. */
  readonly restart: () => void;
}

export const pluginRoutes: FastifyPluginAsyncTypebox<PluginRoutesOptions> = async (app, options) => {
  const { installed, manager, engine, restarts, jobs, bodies, restart, trust } = options;
  const installs = new InstallBodies(bodies, trust, installBodySchema(trust));
  for (const type of PLUGIN_TYPES) {
    const url = `/plugins/${type}`;
    const bodyPrefix = bodyErrorPrefix.plugin(type);

    app.get(url, async (_request, reply) => {
      return reply.type("application/json").send(jsonOf(await installed.names(type)));
    });

    app.post(
      url,
      {
        schema: { body: installs.schema, querystring: RestartQuery },
        preValidation: installs.decode((name) => void checkPluginName(name)),
        config: {
          bodyAsStream: true,
          errorPrefix: errorPrefix.create(type),
          bodyErrorPrefix: bodyPrefix,
          audited: { action: "install", about: type },
        },
      },
      (request, reply) => {
        const wishes = { query: request.query, caller: callerOf(request) };
        const subject = { action: "install", plugin: { type, name: request.body.name ?? "" } } as const;
        const install = bodies.handOver(request, (body, run: JobRun) =>
          thenRestart({ restarts }, wishes, async () => {
            const { id, compatibility, activation } = await manager.install(type, body, wishes.caller, run);
            const headers = changeHeaders(compatibility, activation);
            return { status: 201, body: replyMessage.created(type, id.name), headers };
          }),
        );
        return answerChange(request, reply, jobs, subject, install);
      },
    );

    app.get(
      `${url}/:name`,
      { schema: { params: NameParams }, config: { errorPrefix: errorPrefix.describe(type) } },
      async (request) => {
        const plugin = { type, name: request.params.name };
        const description = await installed.describe(plugin);
        return engine === undefined ? description : { ...description, ...(await engine.states.describe(plugin)) };
      },
    );

    app.put(
      `${url}/:name`,
      {
        schema: { params: NameParams, body: installs.schema, querystring: RestartQuery },
        preValidation: installs.decode(),
        config: {
          bodyAsStream: true,
          errorPrefix: errorPrefix.update(type),
          bodyErrorPrefix: bodyPrefix,
          audited: { action: "update", about: type },
        },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const wishes = { query: request.query, caller: callerOf(request) };
        const update = bodies.handOver(request, (body, run: JobRun) =>
          changeInstalled(plugin, { engine, restarts }, wishes, run, async (watch) => {
            const { compatibility } = await manager.update(plugin, body, wishes.caller, watch);
            return { status: 200, body: replyMessage.updated(plugin.name), headers: changeHeaders(compatibility) };
          }),
        );
        return answerChange(request, reply, jobs, { action: "update", plugin }, update);
      },
    );

    app.delete(
      `${url}/:name`,
      {
        schema: { params: NameParams, querystring: RestartQuery },
        config: { errorPrefix: errorPrefix.delete(type), audited: { action: "delete", about: type } },
      },
      (request, reply) => {
        const plugin = { type, name: request.params.name };
        const wishes = { query: request.query, caller: callerOf(request) };
        const stops = wantsRestart(wishes.query);
        const endsUs = stops && !restarts?.isOffered;
        // Before the delete waits for its turn: a client that gives up meanwhile closes the connection.
        const ended = new Promise<void>((resolve) => whenClosed(reply.raw, resolve));
        const message = stops ? replyMessage.deletedAndStopping : replyMessage.deleted;
        return answerChange(request, reply, jobs, { action: "delete", plugin }, async (run) => {
          const done = await changeInstalled(plugin, { engine, restarts }, wishes, run, async (watch) => {
            await manager.remove(plugin, wishes.caller, watch);
            return { status: 200, body: message(type, plugin.name) };
          });
          if (endsUs) void ended.then(restart); // after the reply, or when the client has gone
          return done;
        });
      },
    );
  }
};

const jsonCache = new WeakMap<object, Buffer>();

/**
 * The JSON of a value that never changes, made once for as long as the value lives. For ten thousand plugins, building
 * it anew would take longer than all the rest of the request.
 */
function jsonOf(value: readonly string[]): Buffer {
  let json = jsonCache.get(value);
  if (json === undefined) {
    json = Buffer.from(JSON.stringify(value));
    jsonCache.set(value, json);
  }
  return json;
}
