import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, vi } from "vitest";
import { test } from "../support/fixtures.ts";
import { ask, post, remove } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";

test("a log on a full disk stops neither the start nor a change", async ({ launch, folder }) => {
  const port = await freePort(); // its log can't tell which one it took
  const command = ["sh", "-c", `exec ${process.execPath} "$@" > /dev/full`, "sh"] as const;
  const server = launch({ base: folder, command, settings: { BASIC__RESTPORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(() => ask(`${url}/ping`), { timeout: 30_000 });

  const file = `file://${await writePluginZip(folder, { type: "sinks", name: "random" })}`;
  for (let round = 0; round < 3; round += 1) {
    expect((await post(`${url}/plugins/sinks`, { name: `x${round}`, file: "nonsense" }))[0]).toBe(400);
  }
  expect((await post(`${url}/plugins/sinks`, { name: "random", file }))[0]).toBe(201);
  expect((await remove(`${url}/plugins/sinks/random`))[0]).toBe(200);
  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe("");
});

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}
