import { expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { EngineClient } from "../../src/engine/engine-client.ts";
import { RawEngine } from "../support/raw-engine.ts";
import { stall } from "../support/stall.ts";

it("an answer that came during a stall of this process is one", async () => {
  const answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n[1,2]";
  await using engine = await RawEngine.startTcp(
    (socket) => void socket.once("data", () => socket.end(answer, () => void stall(1500))),
    { own: true },
  );
  const { config } = loadConfig("/nowhere/none.yaml", {});
  const client = new EngineClient({
    config: { ...config.engine, url: engine.url, timeoutSeconds: 1 },
    baseFolder: "/",
  });
  expect(await client.json("/rules")).toEqual([1, 2]);
});
