import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "@sinclair/typebox";
import { VERDICTS } from "../../domain/compatibility.ts";
import { PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { printable } from "../../lib/text.ts";
import type { InstalledPlugins } from "../../plugins/installed-plugins.ts";
import { errorPrefix } from "../messages.ts";

const Query = Type.Object({
  type: Type.Optional(Type.Unknown()),
  verdict: Type.Optional(Type.Unknown()),
  engine: Type.Optional(Type.Unknown()),
});

/** `GET /plugins`: every plugin with its version, origin and verdict; with `?engine=` the verdicts of an upgrade. */
export const catalogueRoutes: FastifyPluginAsyncTypebox<{ installed: InstalledPlugins }> = async (
  app,
  { installed },
) => {
  app.get(
    "/plugins",
    { schema: { querystring: Query }, config: { errorPrefix: () => errorPrefix.list } },
    async ({ query }) => {
      const type = oneOf("type", query.type, PLUGIN_TYPES);
      const verdict = oneOf("verdict", query.verdict, VERDICTS);
      const engine = textOf("engine", query.engine);
      return installed.list({ type, verdict, engine });
    },
  );
};

function oneOf<T extends string>(parameter: string, given: unknown, allowed: readonly T[]): T | undefined {
  const text = textOf(parameter, given);
  const found = allowed.find((value) => value === text);
  if (text === undefined || found !== undefined) return found;
  throw refused(`parameter ${parameter} is ${printable(text)}; it should be one of ${allowed.join(", ")}`);
}

function textOf(parameter: string, given: unknown): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given === "string" && given !== "") return given;
  throw refused(`parameter ${parameter} should be given once, and not be empty`);
}

function refused(message: string): PluginError {
  return new PluginError("REQUEST_INVALID", message);
}
