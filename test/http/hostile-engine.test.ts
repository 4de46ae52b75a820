import { expect } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { EngineClient } from "../../src/engine/engine-client.ts";
import { parsedJson } from "../../src/lib/objects.ts";
import { test } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import { RawEngine } from "../support/raw-engine.ts";

/** What no engine should answer neither ends the server nor lets a client wait for ever. */

/** An engine that answers everything with these bytes, and leaves it to the other end to close. */
function engineThatSays(head: string, body = ""): Promise<RawEngine> {
  return RawEngine.startTcp(
    (socket) => void socket.once("data", () => socket.write(Buffer.from(`${head}\r\n\r\n${body}`, "latin1"))),
    { own: true },
  );
}

const REFUSED = [
  ["a reason with control characters", "HTTP/1.1 999 \x01\x7f\r\ncontent-length: 0", "not valid HTTP"],
  ["the same with a status that has no body", "HTTP/1.1 204 \x01", "not valid HTTP"],
  ["a status that is none", "HTTP/1.1 099 OK\r\ncontent-length: 0", "not valid HTTP"],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade", "another protocol"],
  ["another protocol without its name", "HTTP/1.1 101 Switching Protocols", "not valid HTTP"],
] as const;

for (const [what, head, message] of REFUSED) {
  test(`${what}: 502 with our own words, and the server goes on`, async ({ startServer }) => {
    await using engine = await engineThatSays(head);
    const server = await startServer({ ENGINE__URL: engine.url });
    expect(await send(`${server.url}/rules`)).toMatchObject({ status: 502, text: expect.stringContaining(message) });
    expect(await send(`${server.url}/ping`)).toMatchObject({ status: 200 });
  });
}

for (const status of [204, 304]) {
  test(`trailers that are announced for ${status}, which has no body: passed on without them`, async ({
    startServer,
  }) => {
    await using engine = await engineThatSays(`HTTP/1.1 ${status} X\r\ntransfer-encoding: chunked\r\ntrailer: x`);
    const server = await startServer({ ENGINE__URL: engine.url });
    expect(await send(`${server.url}/rules`)).toMatchObject({ status, text: "" });
  });
}

/** The server's own client, which asks that engine. */
function clientOf(engine: RawEngine): EngineClient {
  const { config } = loadConfig("/nowhere/none.yaml", {});
  return new EngineClient({ config: { ...config.engine, url: engine.url }, baseFolder: "/" });
}

test("another protocol as the answer to a question of the server's own ends the question", async () => {
  await using engine = await engineThatSays("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade");
  await expect(clientOf(engine).json("/rules")).rejects.toMatchObject({
    code: "ENGINE_UNREACHABLE",
    message: expect.stringContaining("another protocol"),
  });
});

for (const [what, json, message] of [
  ["deep", `${"[".repeat(101)}${"]".repeat(101)}`, "more than 100 levels deep"],
  ["many values", `[${"{},".repeat(600_000)}1]`, "more than 1000000 values"],
] as const) {
  test(`JSON that takes far more memory than its bytes is not parsed: ${what}`, async () => {
    await using engine = await engineThatSays(`HTTP/1.1 200 OK\r\ncontent-length: ${json.length}`, json);
    const refusal = { code: "ENGINE_REFUSED", message: expect.stringContaining(message) };
    await expect(clientOf(engine).json("/rules")).rejects.toMatchObject(refusal);
    expect(parsedJson(json)).toBeUndefined();
  });
}
