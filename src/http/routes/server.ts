import type { FastifyPluginAsync } from "fastify";

interface ServerRoutesOptions {
  readonly version: string;
}

/** Go's names of the systems on which Node's differ. */
const OS_NAMES: Readonly<Record<string, string>> = { win32: "windows", sunos: "solaris" };

/** `GET|POST /` and `GET /ping`. */
export const serverRoutes: FastifyPluginAsync<ServerRoutesOptions> = async (app, { version }) => {
  const os = OS_NAMES[process.platform] ?? process.platform;
  const about = async () => ({ version, os, upTimeSeconds: Math.floor(process.uptime()) });
  app.get("/", about);
  app.post("/", { config: { readsOnly: true } }, about);
  app.get("/ping", { config: { open: true } }, (_request, reply) => {
    reply.send();
  });
};
