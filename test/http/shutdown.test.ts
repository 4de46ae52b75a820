import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

/** What clients see while the server waits for running installs. The process's end is test/e2e/stop.test.ts. */

const test = serverTest({ CHANGES__MAXCONCURRENT: "2" }).extend("sinks", ({ server }) => () => {
  return `${server.url}/plugins/sinks`;
});

const SHUTTING_DOWN = "the server is shutting down; try again when it is back";

test("changes are 503 with Retry-After, reads are answered, the running install is finished", async ({
  host,
  sinks,
  server,
}) => {
  const present = host.serveZip({ type: "sinks", name: "present" });
  expect((await post(sinks(), { name: "present", file: present }))[0]).toBe(201);
  const held = host.holdZip({ type: "sinks", name: "running" });
  const running = post(sinks(), { name: "running", file: held.url });
  await held.asked;

  const closed = server.queue.close(60_000);
  const create = await send(sinks(), { method: "POST", body: { name: "late", file: present } });
  expect([create.status, create.headers["retry-after"], create.text]).toEqual([
    503,
    "5",
    `sinks plugins create command error: ${SHUTTING_DOWN}\n`,
  ]);
  const removal = await send(`${sinks()}/present`, { method: "DELETE", headers: { accept: "application/json" } });
  expect([removal.status, removal.headers["retry-after"], JSON.parse(removal.text)]).toEqual([
    503,
    "5",
    { error: "SHUTTING_DOWN", message: `delete sinks plugin present error: ${SHUTTING_DOWN}` },
  ]);
  expect((await ask(`${sinks()}/present?restart=1`, { method: "DELETE" }))[0]).toBe(503);
  expect(server.restarts()).toBe(0);
  expect(await ask(sinks())).toEqual([200, '["present"]']);
  expect((await ask(`${sinks()}/present`))[0]).toBe(200);
  expect((await ask(`${server.url}/ping`))[0]).toBe(200);
  expect((await post(sinks(), "{"))[0]).toBe(400); // what is wrong anyway is not worth another try

  held.release();
  await closed;
  expect(await running).toEqual([201, "sinks plugin running is created"]);
  expect(await ask(sinks())).toEqual([200, '["present","running"]']);
});

test("installs that only wait for their turn are refused", async ({ host, sinks, server }) => {
  const [first, second, third] = ["first", "second", "third"].map((name) => host.holdZip({ type: "sinks", name }));
  const orders = [first, second, third].map((held, index) =>
    post(sinks(), { name: ["first", "second", "third"][index], file: held?.url }),
  );
  await Promise.race([
    Promise.all([first?.asked, second?.asked]),
    Promise.all([second?.asked, third?.asked]),
    Promise.all([first?.asked, third?.asked]),
  ]);
  const closed = server.queue.close(60_000);
  for (const held of [first, second, third]) held?.release();
  await closed;
  const statuses = (await Promise.all(orders)).map(([status]) => status);
  expect(statuses.sort()).toEqual([201, 201, 503]);
});

test("at the limit, running downloads and scripts are undone", async ({ server, host, sinks, gate }) => {
  const before = await snapshot(server.base);
  const held = host.holdZip({ type: "sinks", name: "downloading" });
  const file = host.serveZip({ type: "sinks", name: "scripted", script: GATED_SCRIPT, json: "{}" });
  const running = [
    post(sinks(), { name: "downloading", file: held.url }),
    post(sinks(), { name: "scripted", file, shellParas: gate.args }),
  ];
  await Promise.all([held.asked, gate.started]);
  await server.queue.close(1);
  for (const [status, text] of await Promise.all(running)) {
    expect([status, text]).toEqual([503, expect.stringMatching(new RegExp(`${SHUTTING_DOWN}\n$`))]);
  }
  expect(await snapshot(server.base)).toEqual(before);
});
