import { describe, expect } from "vitest";
import { follow } from "../support/event-client.ts";
import { serverTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, remove, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

const test = serverTest({ CHANGES__MAXCONCURRENT: "3", CHANGES__MAXQUEUED: "60" })
  .extend("at", ({ server }) => (name = "") => {
    return `${server.url}/plugins/sinks${name && `/${name}`}`;
  })
  .extend("create", ({ at }) => (name: string, file: string) => {
    return post(at(), { name, file });
  })
  .extend("hold", ({ host }) => (name: string) => {
    return host.holdZip({ type: "sinks", name });
  });

const created = (name: string) => [201, `sinks plugin ${name} is created`];

/** How many times each answer was given. */
function tally(answers: readonly (readonly [number, string])[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [status, text] of answers) counts[`${status} ${text}`] = (counts[`${status} ${text}`] ?? 0) + 1;
  return counts;
}

test("of 50 creates of one name at once one succeeds", async ({ host, create, server }) => {
  const file = host.serveZip({ type: "sinks", name: "popular" });
  const answers = await Promise.all(Array.from({ length: 50 }, () => create("popular", file)));
  expect(answers.filter(([status]) => status === 201)).toEqual([created("popular")]);
  const refused = answers.filter(([status]) => status !== 201);
  const duplicate =
    /^sinks plugins create command error: invalid name popular: duplicate( \(it is being installed, see \/jobs\/\S+\))?\n$/;
  expect(refused).toEqual(Array(49).fill([400, expect.stringMatching(duplicate)]));
  expect(host.requests).toHaveLength(1);
  expect(await server.files()).toContain("plugins/sinks/Popular@v1.0.0.so");
});

test("of 50 deletes at once one succeeds", async ({ host, create, at }) => {
  const file = host.serveZip({ type: "sinks", name: "doomed" });
  expect(await create("doomed", file)).toEqual(created("doomed"));
  const answers = await Promise.all(Array.from({ length: 50 }, () => remove(at("doomed"))));
  expect(tally(answers)).toEqual({
    "200 sinks plugin doomed is deleted and Kuiper must restart for the change to take effect.": 1,
    "404 delete sinks plugin doomed error: invalid name doomed: not exist\n": 49,
  });
});

test("creates and deletes of one name, mixed, leave the plugin whole or gone", async ({ host, server, create, at }) => {
  const file = host.serveZip({ type: "sinks", name: "mixed", json: "{}" });
  const empty = await snapshot(server.base);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? create("mixed", file) : remove(at("mixed")))),
  );
  expect(answers.filter(([status]) => status === 201)).toHaveLength(1); // a deleted name stays taken until a restart
  expect(answers.filter(([status]) => status === 200)).toHaveLength(1);
  const { "plugins/registry.json": _, ...left } = await snapshot(server.base);
  expect(left).toEqual(empty);
  expect(await ask(at())).toEqual([200, "[]"]);
});

test("one name of each type is three plugins", async ({ server, host }) => {
  const types = ["sources", "sinks", "functions"] as const;
  const answers = await Promise.all(
    types.map((type) =>
      post(`${server.url}/plugins/${type}`, { name: "same", file: host.serveZip({ type, name: "same" }) }),
    ),
  );
  expect(answers).toEqual(types.map((type) => [201, `${type} plugin same is created`]));
});

test("many plugins are installed side by side, but no more than allowed", async ({ at, host, create }) => {
  const names = Array.from({ length: 12 }, (_, index) => `plugin${String(index).padStart(2, "0")}`);
  const waiting: (() => void)[] = [];
  let active = 0;
  let most = 0;
  // No download ends before three are under way, and there was time for a fourth one.
  const together = async () => {
    active += 1;
    most = Math.max(most, active);
    const allThere = new Promise<void>((resolve) => waiting.push(resolve));
    if (waiting.length === 3) void ask(at()).then(() => waiting.splice(0).map((resolve) => resolve()));
    await allThere;
    active -= 1;
  };
  const answers = names.map((name) => {
    const zip = pluginZip({ type: "sinks", name });
    const file = host.serve(`/${name}.zip`, async (_request, response) => {
      await together();
      response.end(zip);
    });
    return create(name, file);
  });
  expect(await Promise.all(answers)).toEqual(names.map(created));
  expect(most).toBe(3);
  expect(await ask(at())).toEqual([200, JSON.stringify(names)]);
});

test("reads are answered while installs hang, and show nothing of them", async ({
  hold,
  gate,
  server,
  create,
  at,
  host,
}) => {
  const [download, script] = [hold("downloading"), { name: "scripted", shellParas: gate.args }];
  const before = await snapshot(server.base);
  const installing = [
    create("downloading", download.url),
    post(at(), { ...script, file: host.serveZip({ type: "sinks", name: "scripted", script: GATED_SCRIPT }) }),
  ];
  await Promise.all([download.asked, gate.started]);
  expect(await ask(at())).toEqual([200, "[]"]);
  expect((await ask(at("downloading")))[0]).toBe(404);
  expect((await ask(at("scripted")))[0]).toBe(404);
  expect((await ask(`${server.url}/ping`))[0]).toBe(200);
  const outside = Object.entries(await snapshot(server.base)).filter(([path]) => !path.includes(".changes/"));
  expect(Object.fromEntries(outside)).toEqual(before);

  const other = host.serveZip({ type: "sinks", name: "other" });
  expect(await create("other", other)).toEqual(created("other")); // nor do other installs wait
  download.release();
  gate.release();
  expect(await Promise.all(installing)).toEqual([created("downloading"), created("scripted")]);
});

describe("a client that goes away", () => {
  test("during a download: the install is completed", async ({ hold, at, create, server }) => {
    const held = hold("abandoned");
    const gone = new AbortController();
    const body = { name: "abandoned", file: held.url };
    const request = send(at(), { method: "POST", body, signal: gone.signal });
    await held.asked;
    gone.abort();
    await expect(request).rejects.toMatchObject({ name: "AbortError" });
    const [, text] = await create("abandoned", held.url);
    const [, job = ""] = /duplicate \(it is being installed, see (\/jobs\/\S+)\)\n$/.exec(text) ?? [];
    held.release();
    expect((await (await follow(`${server.url}${job}/events`)).rest()).at(-1)?.data).toContain('"state":"done"');
    expect(await ask(at())).toEqual([200, '["abandoned"]']);
  });

  test("during its delete with restart=1: the server is restarted all the same", async ({
    hold,
    create,
    at,
    server,
  }) => {
    const held = hold("slow");
    const [first, gone] = [create("slow", held.url), new AbortController()];
    await held.asked;
    const request = send(`${at("slow")}?restart=1`, { method: "DELETE", signal: gone.signal });
    const arrived = new Promise((resolve) => server.app.server.once("request", resolve));
    await arrived;
    gone.abort();
    await expect(request).rejects.toMatchObject({ name: "AbortError" });
    held.release();
    expect(await first).toEqual(created("slow"));
    expect((await remove(at("slow")))[0]).toBe(404); // waits for the delete before it
    expect(server.restarts()).toBe(1);
  });
});

describe("a full queue", () => {
  test("is 503 with Retry-After, until there is room", async ({ server, hold, create, at, host }) => {
    await server.start({ CHANGES__MAXCONCURRENT: "1", CHANGES__MAXQUEUED: "1" });
    const [first, second] = [hold("first"), hold("second")];
    const running = create("first", first.url);
    await first.asked;
    const arrived = new Promise((resolve) => server.app.server.once("request", resolve));
    const waiting = create("second", second.url);
    await arrived;
    await ask(at()); // by the end of a round trip its body has arrived too
    for (const [method, url] of [
      ["POST", at()],
      ["DELETE", at("third")],
      ["DELETE", at("first")],
    ] as const) {
      const body = method === "POST" ? { name: "third", file: second.url } : undefined;
      const answer = await send(url, { method, ...(body && { body }) });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "5"]);
      expect(answer.text).toMatch(/error: too many plugins are being changed at the moment; try again later\n$/);
    }
    expect((await ask(at()))[0]).toBe(200);
    first.release();
    second.release();
    expect(await Promise.all([running, waiting])).toEqual([created("first"), created("second")]);
    expect(await create("third", host.serveZip({ type: "sinks", name: "third" }))).toEqual(created("third"));
  });
});

test("connections are bounded: further ones are 503", async ({ server, hold, create, at }) => {
  await server.start({ HTTP__MAXCONNECTIONS: "1" });
  const held = hold("only");
  const running = create("only", held.url);
  await held.asked;
  expect((await ask(at()))[0]).toBe(503);
  held.release();
  expect(await running).toEqual(created("only"));
});
