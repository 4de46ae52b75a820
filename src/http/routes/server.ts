import type { FastifyPluginAsync } from "fastify";
import type { EngineClient } from "../../engine/engine-client.ts";
import { isObject } from "../../lib/objects.ts";
import { wantsPage } from "../accepts-html.ts";

interface ServerRoutesOptions {
  readonly version: string;
  /** Whether browsers that open `/` are sent to the page. */
  readonly hasPage: boolean;
  /** Of the engine in front of which this server stands, if it does. */
  readonly engine: EngineClient | undefined;
  /** How long `GET /` waits for the engine. */
  readonly engineSeconds: number;
}

/** Go's names of the systems on which Node's differ. */
const OS_NAMES: Readonly<Record<string, string>> = { win32: "windows", sunos: "solaris" };

/** `GET|POST /` and `GET /ping`. */
export const serverRoutes: FastifyPluginAsync<ServerRoutesOptions> = async (app, options) => {
  const { version, hasPage, engine, engineSeconds } = options;
  const os = OS_NAMES[process.platform] ?? process.platform;
  const ours = () => ({ version, os, upTimeSeconds: Math.floor(process.uptime()) });

  /** The engine's answer, with ours in it: clients want to know the version of what runs their rules. */
  const about = async () => {
    if (engine === undefined) return ours();
    const theirs = await engine.json("/", { timeoutSeconds: engineSeconds }).catch(() => undefined);
    if (!isObject(theirs)) return { ...ours(), engine: "unreachable" };
    const { upTimeSeconds } = ours();
    return { ...theirs, pluginServer: { version, upTimeSeconds } };
  };
  const open = hasPage ? wantsPage : false;
  app.get("/", { config: { open } }, async (request, reply) => {
    if (!hasPage) return about();
    reply.header("vary", [reply.getHeader("vary") ?? [], "Accept"].flat().join(", ")); // after that of CORS
    return wantsPage(request) ? reply.redirect("ui/") : about();
  });
  app.post("/", { config: { readsOnly: true } }, about);
  app.get("/ping", { config: { open: true } }, (_request, reply) => {
    reply.send();
  });
};
