import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import { describeOffer } from "../../catalogue/offer.ts";
import { VERDICTS } from "../../domain/compatibility.ts";
import { PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES, pluginKey } from "../../domain/plugin.ts";
import type { Engine } from "../../engine/engine.ts";
import { quoted } from "../../lib/text.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import { errorPrefix } from "../messages.ts";
import { isOne } from "../schemas.ts";

interface ListRoutesOptions {
  readonly installed: InstalledPlugins;
  readonly engine: Engine | undefined;
  readonly catalog: Catalogue;
}

const Query = Type.Object({
  type: Type.Optional(Type.Unknown()),
  verdict: Type.Optional(Type.Unknown()),
  engine: Type.Optional(Type.Unknown()),
  rules: Type.Optional(Type.Unknown()),
});

const PrebuildQuery = Type.Object({ details: Type.Optional(Type.Unknown()) });

/** What is installed, and what the plugin hosts offer. */
export const listRoutes: FastifyPluginAsyncTypebox<ListRoutesOptions> = async (app, { installed, engine, catalog }) => {
  // Every plugin with its version, origin and verdict; with `?engine=` the verdicts of an upgrade.
  app.get(
    "/plugins",
    { schema: { querystring: Query }, config: { errorPrefix: errorPrefix.list } },
    async ({ query }) => {
      const type = oneOf("type", query.type, PLUGIN_TYPES);
      const verdict = oneOf("verdict", query.verdict, VERDICTS);
      const binary = stringOf("engine", query.engine);
      const plugins = await installed.list({ type, verdict, engine: binary });
      if (engine === undefined) return plugins;
      const states = await engine.states.of(plugins);
      const described = plugins.map((plugin) => ({ ...plugin, ...states.get(pluginKey(plugin)) }));
      if (!isOne(query.rules)) return described;
      const counts = await engine.states.ruleCounts(plugins);
      return described.map((plugin) => ({ ...plugin, rules: counts?.get(pluginKey(plugin)) ?? null }));
    },
  );

  for (const type of PLUGIN_TYPES) {
    app.get(
      `/plugins/${type}/prebuild`,
      { schema: { querystring: PrebuildQuery }, config: { errorPrefix: errorPrefix.prebuild(type) } },
      async ({ query }, reply) => {
        if (isOne(query.details)) {
          const { offers, failed } = await catalog.details(type);
          const plugins = offers.map((one) => describeOffer(type, one, installed.version({ type, name: one.name })));
          return reply.send({ plugins, failed });
        }
        const { plugins, failedHosts, emptyPages } = await catalog.list(type);
        if (failedHosts.length > 0) reply.header("plugin-hosts-failed", failedHosts.join(", "));
        if (emptyPages.length > 0) reply.header("plugin-hosts-empty", emptyPages.join(", "));
        return reply.type("application/json").send(plugins);
      },
    );
  }
};

function oneOf<T extends string>(parameter: string, value: unknown, allowed: readonly T[]): T | undefined {
  const string = stringOf(parameter, value);
  const found = allowed.find((one) => one === string);
  if (string === undefined || found !== undefined) return found;
  throw invalid(`parameter ${parameter} is ${quoted(string)}; it should be one of ${allowed.join(", ")}`);
}

function stringOf(parameter: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`parameter ${parameter} should be given once, and not be empty`);
}

function invalid(message: string): PluginError {
  return new PluginError("REQUEST_INVALID", message);
}
