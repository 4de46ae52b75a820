import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { EngineClient } from "../../src/engine/engine-client.ts";
import { RawEngine } from "../support/raw-engine.ts";
import { stall } from "../support/stall.ts";
import { tempFolder } from "../support/temp-folder.ts";

const { config } = loadConfig("/nowhere/none.yaml", {});

it("an answer that came during a stall of this process is one", async () => {
  const answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n[1,2]";
  await using engine = await RawEngine.startTcp(
    (socket) => void socket.once("data", () => socket.end(answer, () => void stall(1500))),
    { own: true },
  );
  const client = new EngineClient({
    config: { ...config.engine, url: engine.url, timeoutSeconds: 1 },
    baseFolder: "/",
  });
  expect(await client.json("/rules")).toEqual([1, 2]);
});

it("what answers with another protocol is a failure, and not waited for for ever", async () => {
  const answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: mqtt\r\n\r\n";
  await using engine = await RawEngine.startTcp((socket) => void socket.once("data", () => void socket.write(answer)), {
    own: true,
  });
  const client = new EngineClient({ config: { ...config.engine, url: engine.url }, baseFolder: "/" });
  await expect(client.json("/rules")).rejects.toMatchObject({
    code: "ENGINE_UNREACHABLE",
    message: `the engine at ${engine.url} (engine.url) answers 101: it wants another protocol than HTTP`,
  });
});

it("a token file with more than one line is named, and not the engine", async () => {
  const folder = await tempFolder();
  await writeFile(join(folder, "token"), "aaa.bbb.ccc\nddd\n");
  const settings = { ...config.engine, url: "http://127.0.0.1:9", tokenFile: "token" };
  await expect(new EngineClient({ config: settings, baseFolder: folder }).json("/rules")).rejects.toMatchObject({
    code: "ENGINE_UNREACHABLE",
    message: expect.stringMatching(/^engine\.tokenFile has more than a token/),
  });
});

it.each([
  ["UTF-8 with a byte order mark", Buffer.from("\ufeffaaa.bbb.ccc\r\n")],
  ["UTF-16, as PowerShell writes it", Buffer.from("\ufeffaaa.bbb.ccc\r\n", "utf16le")],
])("the token may be in a file of %s", async (_, content) => {
  let authorization: string | undefined;
  await using engine = await RawEngine.start(
    (request, response) => {
      authorization = request.headers.authorization;
      response.end("[]");
    },
    { own: true },
  );
  const folder = await tempFolder();
  await writeFile(join(folder, "token"), content);
  const settings = { ...config.engine, url: engine.url, tokenFile: "token" };
  await new EngineClient({ config: settings, baseFolder: folder }).json("/rules");
  expect(authorization).toBe("aaa.bbb.ccc");
});
