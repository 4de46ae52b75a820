import Fastify, { type HTTPMethods } from "fastify";
import { CALLS } from "../../contract/calls/all.ts";
import { TAGS } from "../../contract/calls/call.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { NO_COMPILERS } from "../validation.ts";
import { withReferences } from "./references.ts";
import { describeReplies } from "./replies.ts";
import { describeRequest } from "./requests.ts";
import type { CollectedRoute } from "./routes.ts";

const DESCRIPTION = `Installs, updates, lists, rolls back and deletes the plugins of a Kuiper (eKuiper) engine.

A path that is not here is answered with 404 (\`PAGE_NOT_FOUND\`), another method with 405 and \`Allow\`; in front of an engine, what
is not here is passed on to it. HEAD is GET without its body. docs/api.md of this project has the rest.`;

/**
 * The OpenAPI document, as JSON. A second Fastify has our routes with all that the contract says of them, for @fastify/swagger
 * to describe. Ours serves requests without it, so that none pays for a schema of its reply.
 */
export async function describeRoutes(routes: readonly CollectedRoute[], version: string): Promise<Buffer> {
  const app = Fastify({ schemaController: NO_COMPILERS });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(import("@fastify/swagger"), {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "kuiper-plugin-server",
        version,
        description: DESCRIPTION,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "." }], // of the document's own address: a proxy may have put a path before it
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      security: [{ token: [] }],
      components: {
        securitySchemes: {
          token: {
            type: "http",
            scheme: "bearer",
            bearerFormat: "JWT",
            description: "Needed with `basic.authentication: true`. Its scope has the word `read` or `write`",
          },
        },
      },
    },
    stripBasePath: false,
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
  });
  const named = new Map<string, object>();
  for (const route of described(routes)) {
    const schema = withReferences(route.schema, named) as object;
    app.route({ method: route.method as HTTPMethods, url: route.url, schema, handler: () => {} });
  }
  for (const [$id, schema] of named) app.addSchema({ ...schema, $id });
  await app.ready();
  const document = Buffer.from(JSON.stringify(app.swagger()));
  await app.close();
  return document;
}

/** The routes with what the contract says of them. Those of the three types of plugin are one. */
function described(routes: readonly CollectedRoute[]): Iterable<{ method: string; url: string; schema: object }> {
  const calls = new Map<string, { method: string; url: string; schema: object }>();
  for (const route of routes) {
    const key = contractKey(route.method, route.url);
    if (calls.has(key)) continue;
    const call = CALLS[key];
    if (call === undefined) throw new Error(`the contract has no ${key}`);
    const url = key.slice(key.indexOf(" ") + 1);
    const { id, tag, summary, isOpen } = call;
    calls.set(key, {
      method: route.method,
      url,
      schema: {
        ...{ operationId: id, tags: [tag], summary },
        ...(isOpen && { security: [] }),
        ...describeRequest({ ...route, url }, call),
        response: describeReplies(route, call),
      },
    });
  }
  return calls.values();
}

/** The name of a route's call in the contract: `GET /plugins/:type/:name`, `GET /ui/:file` for `/ui/*`. */
export function contractKey(method: string, url: string): string {
  const key = `${method} ${url.replace(/\*$/, ":file")}`;
  if (CALLS[key] !== undefined) return key;
  const [, plugins, type = "", ...rest] = url.split("/");
  const isTyped = plugins === "plugins" && PLUGIN_TYPES.some((one) => one === type);
  return isTyped ? `${method} ${["/plugins/:type", ...rest].join("/")}` : key;
}
