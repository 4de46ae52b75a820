import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

/** What a query makes of a delete. That the process really ends is test/e2e/stop.test.ts. */

const test = sharedServerTest().extend(
  "deleteWith",
  ({ host, server }) =>
    async (query: string): Promise<{ status: number; text: string; restarts: number }> => {
      count += 1;
      const name = `plugin${count}`;
      const file = host.serveZip({ type: "functions", name });
      expect((await post(`${server.url}/plugins/functions`, { name, file }))[0]).toBe(201);
      const before = server.restarts();
      const { status, text } = await send(`${server.url}/plugins/functions/${name}${query}`, { method: "DELETE" });
      return { status, text: text.replace(name, "N"), restarts: server.restarts() - before };
    },
);

let count = 0;

const STAYS = "functions plugin N is deleted and Kuiper must restart for the change to take effect.";
const STOPS = "functions plugin N is deleted and Kuiper will be stopped";

describe("the server stops after", () => {
  test.for([
    "?restart=1",
    "?stop=1",
    "/?restart=1",
    "?restart=1&stop=1",
    "?restart=0&stop=1",
    "?stop=0&restart=1",
    "?restart=1&restart=0",
    "?stop=1&stop=1",
    "?x=y&restart=1",
    "?restart=%31",
    "?restart=1&",
  ])("%s", async (query, { deleteWith }) => {
    expect(await deleteWith(query)).toEqual({ status: 200, text: STOPS, restarts: 1 });
  });
});

describe("the server goes on after", () => {
  test.for([
    "",
    "?",
    "?restart",
    "?restart=",
    "?restart=0",
    "?restart=true",
    "?restart=yes",
    "?restart=01",
    "?restart=1.0",
    "?restart=%201",
    "?restart=2",
    "?restart=0&restart=1",
    "?Restart=1",
    "?STOP=1",
    "?stop=false",
    "?stop[]=1",
    "?restart[0]=1",
    "?x=1",
    "?=1",
    "?&&&",
    "?restart=%zz",
    "?restart=%",
    "?__proto__=1",
    `?${"x=1&".repeat(50)}`,
  ])("%s", async (query, { deleteWith }) => {
    expect(await deleteWith(query)).toEqual({ status: 200, text: STAYS, restarts: 0 });
  });
});

test("a delete that fails stops nothing", async ({ server }) => {
  const before = server.restarts();
  expect((await ask(`${server.url}/plugins/functions/none?restart=1`, { method: "DELETE" }))[0]).toBe(404);
  expect(server.restarts()).toBe(before);
});

test("only a delete stops the server", async ({ server }) => {
  const before = server.restarts();
  for (const method of ["GET", "POST", "PUT", "HEAD"]) {
    await ask(`${server.url}/plugins/functions/plugin1?restart=1`, { method });
    await ask(`${server.url}/?restart=1&stop=1`, { method });
  }
  expect(server.restarts()).toBe(before);
});
