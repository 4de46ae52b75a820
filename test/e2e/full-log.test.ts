import { readdir, readFile, readlink } from "node:fs/promises";
import { expect } from "vitest";
import { test } from "../support/fixtures.ts";
import { ask, post, remove } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";

/** As /proc/net/tcp has it. */
const LISTEN = "0A";

test("a log on a full disk stops neither the start nor a change", async ({ launch, folder }) => {
  const command = ["sh", "-c", `exec ${process.execPath} "$@" > /dev/full`, "sh"] as const;
  const server = launch({ base: folder, command });
  await expect.poll(() => listeningPort(server.pid)).toBeDefined();
  const url = `http://127.0.0.1:${await listeningPort(server.pid)}`;
  expect((await ask(`${url}/ping`))[0]).toBe(200);

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

/** The port at which a process listens; undefined until it does. Its log can't tell. */
async function listeningPort(pid: number): Promise<number | undefined> {
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""));
  const sockets = new Set(await Promise.all(links));
  const rows = (await readFile(`/proc/${pid}/net/tcp`, "utf8")).split("\n").map((row) => row.trim().split(/\s+/));
  const own = rows.find(([, , , state, , , , , , inode]) => state === LISTEN && sockets.has(`socket:[${inode}]`));
  return own && Number.parseInt(own[1]?.split(":")[1] ?? "", 16);
}
