import { expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** An inspection changes nothing, so it ends when nobody waits for its report. (An install does not.) */

const test = serverTest({ CHANGES__MAXCONCURRENT: "1", CHANGES__MAXQUEUED: "0" }).extend(
  "inspect",
  ({ server }) =>
    (name: string, file: string, signal?: AbortSignal) => {
      return send(`${server.url}/plugins/sinks/inspect`, {
        method: "POST",
        body: { name, file },
        ...(signal === undefined ? {} : { signal }),
      });
    },
);

test("a client that goes away ends its inspection: the download stops, the place in the queue is free", async ({
  host,
  inspect,
  server,
}) => {
  const held = host.holdZip({ type: "sinks", name: "slow" });
  const gone = new AbortController();
  const request = inspect("slow", held.url, gone.signal);
  await held.asked;
  expect((await inspect("other", held.url)).status).toBe(503); // the only place is taken
  gone.abort();
  await expect(request).rejects.toMatchObject({ name: "AbortError" });
  await host.idle();
  await server.queue.close(60_000); // resolves when the last one has ended
  expect((await server.files()).filter((path) => /\.changes\/./.test(path))).toEqual([]);
  await expect
    .poll(() => server.logged.find(({ code }) => code === "CANCELLED"), { timeout: 30_000 })
    .toMatchObject({ msg: "request refused", reason: "the client has closed the connection" });
});

test("a place that was given up is taken by the next inspection", async ({ host, inspect }) => {
  const held = host.holdZip({ type: "sinks", name: "slow" });
  const gone = new AbortController();
  const request = inspect("slow", held.url, gone.signal);
  await held.asked;
  gone.abort();
  await expect(request).rejects.toMatchObject({ name: "AbortError" });
  await expect
    .poll(async () => (await inspect("next", host.serveZip({ type: "sinks", name: "next" }))).status, {
      timeout: 30_000,
    })
    .toBe(200);
});

test("a server that closes ends an inspection", async ({ host, inspect, server }) => {
  const held = host.holdZip({ type: "sinks", name: "slow" });
  const answer = inspect("slow", held.url);
  await held.asked;
  await Promise.all([server.app.close(), host.idle()]);
  const { status, text } = await answer;
  expect([status, text]).toEqual([
    503,
    "sinks plugins inspect command error: the server is shutting down; try again when it is back\n",
  ]);
});

test("an install is completed all the same", async ({ host, server }) => {
  const held = host.holdZip({ type: "sinks", name: "wanted" });
  const gone = new AbortController();
  const request = send(`${server.url}/plugins/sinks`, {
    method: "POST",
    body: { name: "wanted", file: held.url },
    signal: gone.signal,
  });
  await held.asked;
  gone.abort();
  await expect(request).rejects.toMatchObject({ name: "AbortError" });
  held.release();
  await server.queue.close(60_000);
  expect(await server.files()).toContain("plugins/sinks/Wanted@v1.0.0.so");
});
