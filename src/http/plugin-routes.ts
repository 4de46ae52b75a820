import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { PLUGIN_TYPES } from "../domain/plugin.ts";
import type { PluginManager } from "../plugin-manager.ts";
import { callerOf } from "./authentication.ts";
import { CreateBody, decodeJsonBody } from "./body.ts";
import { jsonOf } from "./json-cache.ts";
import { errorPrefix, replyText } from "./reply-texts.ts";

export interface PluginRoutesOptions {
  readonly manager: PluginManager;
  /** Ends the process so that its supervisor starts it anew. */
  readonly restart: () => void;
}

const Params = Type.Object({ name: Type.String() });
/** Of any form: a value that means nothing must not make a delete fail. */
const DeleteQuery = Type.Object({ restart: Type.Optional(Type.Unknown()), stop: Type.Optional(Type.Unknown()) });

export const pluginRoutes: FastifyPluginAsyncTypebox<PluginRoutesOptions> = async (app, { manager, restart }) => {
  for (const type of PLUGIN_TYPES) {
    const url = `/plugins/${type}`;

    app.get(url, (_request, reply) => {
      reply.type("application/json").send(jsonOf(manager.list(type)));
    });

    app.post(
      url,
      {
        schema: { body: CreateBody },
        preValidation: decodeJsonBody,
        config: { errorPrefix: () => errorPrefix.create(type), bodyErrorPrefix: errorPrefix.body(type) },
      },
      async (request, reply) => {
        const { name } = await manager.install(type, request.body, callerOf(request));
        return reply.code(201).send(replyText.created(type, name));
      },
    );

    app.get(
      `${url}/:name`,
      {
        schema: { params: Params },
        config: { errorPrefix: ({ params }) => errorPrefix.describe(type, nameOf(params)) },
      },
      async (request) => manager.describe({ type, name: request.params.name }),
    );

    app.delete(
      `${url}/:name`,
      {
        schema: { params: Params, querystring: DeleteQuery },
        config: { errorPrefix: ({ params }) => errorPrefix.delete(type, nameOf(params)) },
      },
      async (request, reply) => {
        const { name } = request.params;
        // Asked for now: a client that gives up while the delete waits for its turn has ended the reply by then.
        const ended = new Promise<void>((resolve) => reply.raw.once("close", resolve));
        await manager.remove({ type, name }, callerOf(request));
        if (!isOne(request.query.restart) && !isOne(request.query.stop)) {
          return reply.send(replyText.deleted(type, name));
        }
        void ended.then(restart); // after the answer, or when nobody waits for it any more
        return reply.send(replyText.deletedAndStopping(type, name));
      },
    );
  }
};

function nameOf(params: unknown): string {
  return (params as { name: string }).name;
}

/** A parameter that is given more than once counts as it is given first. */
function isOne(value: unknown): boolean {
  return (Array.isArray(value) ? value[0] : value) === "1";
}
