import { expect } from "vitest";
import { EngineStandIn } from "../support/engine-stand-in.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import { buildZip } from "../support/zip.ts";

stoppedServerTest(
  "the engine gets the Authorization of the client that installs a portable plugin",
  async ({ server, host }) => {
    await server.start(); // makes the engine's folders
    const engine = await new EngineStandIn({ base: server.base }).start();
    await server.start({ ENGINE__URL: engine.url });
    const body = {
      name: "pysam",
      file: host.serve("/p.zip", buildZip([{ name: "pysam.json", data: Buffer.from("{}") }])),
    };
    const headers = { authorization: "a.b.c" };
    await send(`${server.url}/plugins/portables`, { method: "POST", headers, body });
    await engine.dispose();
    const sent = engine.asked.filter(({ method }) => method === "POST");
    expect(sent.map(({ path, headers }) => [path, headers.authorization])).toEqual([["/plugins/portables", "a.b.c"]]);
  },
);
