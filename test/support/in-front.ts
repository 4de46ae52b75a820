import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PLUGIN_TYPES } from "../../src/domain/plugin.ts";
import { EngineStandIn } from "./engine-stand-in.ts";
import { stoppedServerTest } from "./fixtures.ts";
import { send } from "./http-client.ts";
import type { PluginContents } from "./plugin-zip.ts";
import type { Settings } from "./test-server.ts";

/** Tests with an `engine` each, of that version, and a `server` in front of it; `start` starts both. */
export function inFrontTest(version: string, settings: Settings = {}) {
  return (
    stoppedServerTest
      .extend("engine", async ({ server }, { onCleanup }) => {
        for (const folder of [...PLUGIN_TYPES, "portable"]) {
          await mkdir(join(server.base, "plugins", folder), { recursive: true });
        }
        const engine = new EngineStandIn({ base: server.base, version });
        onCleanup(() => engine.dispose());
        return engine;
      })
      .extend("start", ({ server, engine }) => async (more: Settings = {}) => {
        await engine.start();
        // As if it had started long ago: up times are whole seconds, and what comes now comes after its start.
        engine.age(10);
        await server.start({ ENGINE__URL: engine.url, ENGINE__ACTIVATE: "false", ...settings, ...more });
      })
      .extend("install", ({ server, host }) => async (contents: PluginContents, body: object = {}) => {
        const { name, type } = contents;
        return send(`${server.url}/plugins/${type}`, {
          method: "POST",
          body: { name, file: host.serveZip(contents), ...body },
        });
      })
      .extend("update", ({ server, host }) => async (contents: PluginContents, query = "") => {
        const url = `${server.url}/plugins/${contents.type}/${contents.name}${query}`;
        return send(url, { method: "PUT", body: { file: host.serveZip(contents) } });
      })
      .extend(
        "get",
        ({ server }) =>
          async (path: string) =>
            JSON.parse((await send(`${server.url}${path}`)).text),
      )
      /** The engine starts again. Up times are whole seconds: it says that it did so after all that was done until now. */
      .extend("restartEngine", ({ engine }) => async () => {
        await engine.restart();
        engine.age(-20);
      })
  );
}
