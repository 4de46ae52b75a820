import { expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, send } from "../support/http-client.ts";

/** How the catalog is answered with; how it comes about is test/prebuild. */

const test = stoppedServerTest
  .extend("start", ({ server }) => async (pluginHosts: string, more: Record<string, string> = {}): Promise<string> => {
    const platform = { PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64" };
    await server.start({ BASIC__PLUGINHOSTS: pluginHosts, ...platform, ...more });
    return `${server.url}/plugins/sources/prebuild`;
  })
  .extend("listing", ({ host }) => () => {
    const zip = (name: string) => `${host.origin}/kuiper-plugins/1.0.2/debian/sources/${name}_amd64.zip`;
    return { random: zip("random"), zmq: zip("zmq") };
  });

test.beforeEach(({ host }) => {
  const page = Buffer.from(
    '<a href="zmq_amd64.zip">x</a><a href="random_amd64.zip">x</a><a href="arm_arm64.zip">x</a>',
  );
  host.serve("/kuiper-plugins/1.0.2/debian/sources/", page);
});

test("the catalogue is an object of names and URLs", async ({ start, host, listing }) => {
  const { status, headers, text } = await send(await start(host.origin));
  expect([status, headers["content-type"]]).toEqual([200, expect.stringMatching(/^application\/json/)]);
  expect(JSON.parse(text)).toEqual(listing());
  expect(headers["plugin-hosts-failed"]).toBeUndefined();
});

test("a dashboard that refreshes does not ask the hosts again", async ({ start, host }) => {
  const url = await start(host.origin);
  await Promise.all([ask(url), ask(url), ask(url)]);
  const asked = host.requests.length;
  await ask(url);
  expect(host.requests.length).toBe(asked);
  expect(asked).toBeLessThanOrEqual(4); // both orders of the path, with and without a slash
});

test("a dead host does not hide the others and is named in a header, without its password", async ({
  start,
  host,
  listing,
  server,
}) => {
  const dead = "http://joe:s3cret@127.0.0.1:1";
  const { status, headers, text } = await send(await start(`${dead}, ${host.origin}`));
  expect([status, headers["plugin-hosts-failed"]]).toEqual([200, "http://127.0.0.1:1"]);
  expect(JSON.parse(text)).toEqual(listing());
  expect(JSON.stringify(server.logged)).toContain("a plugin host failed");
  expect(JSON.stringify(server.logged)).not.toContain("s3cret");
});

test("several dead hosts are separated by commas", async ({ start, host }) => {
  const { headers } = await send(await start(`http://127.0.0.1:1,${host.origin},http://127.0.0.1:2`));
  expect(headers["plugin-hosts-failed"]).toBe("http://127.0.0.1:1, http://127.0.0.1:2");
});

test("without a host that answers the catalogue is 502", async ({ start, server }) => {
  const url = await start("http://joe:s3cret@127.0.0.1:1");
  const [status, text] = await ask(url);
  expect(status).toBe(502);
  expect(text).toMatch(
    /^sources plugins prebuild command error: no plugin host answered: http:\/\/127\.0\.0\.1:1: .*\n$/,
  );
  const json = await send(url, { headers: { accept: "application/json" } });
  expect(JSON.parse(json.text)).toEqual({ error: "PLUGIN_HOSTS_FAILED", message: text.trimEnd() });
  expect(JSON.stringify(server.logged)).not.toContain("s3cret");
});

test("without any host the catalogue is empty", async ({ start }) => {
  expect(await ask(await start(""))).toEqual([200, "{}"]);
});

test("a host that hangs is not waited for longer than allowed", async ({ host, start }) => {
  host.serve("/kuiper-plugins/1.0.2/debian/sources/", () => {});
  const [status, text] = await ask(await start(host.origin, { PREBUILD__TIMEOUTSECONDS: "0.3" }));
  expect([status, text]).toEqual([502, expect.stringContaining("no answer within 0.3 s")]);
});

test("the details say where each plugin is from and what is installed", async ({ start, host, server }) => {
  const url = await start(`http://127.0.0.1:1, ${host.origin}`);
  const file = host.serveZip({ type: "sources", name: "random", version: "2.0.0" });
  expect((await send(`${server.url}/plugins/sources`, { method: "POST", body: { name: "random", file } })).status).toBe(
    201,
  );
  const offer = (name: string, installed: string | null) => ({
    type: "sources",
    name,
    version: null,
    url: `${host.origin}/kuiper-plugins/1.0.2/debian/sources/${name}_amd64.zip`,
    host: host.origin,
    ...{ installed, newer: null, loads: "unknown" },
  });
  const { status, text } = await send(`${url}?details=1`);
  expect([status, JSON.parse(text)]).toEqual([
    200,
    {
      plugins: [offer("random", "2.0.0"), offer("zmq", null)],
      failed: [{ host: "http://127.0.0.1:1", url: "http://127.0.0.1:1", reason: expect.stringMatching(/refused/) }],
    },
  ]);
});

test("the details name every host where none answers, without passwords", async ({ start }) => {
  const url = await start("http://joe:s3cret@127.0.0.1:1, not a host");
  expect((await send(url)).status).toBe(502);
  const { status, text } = await send(`${url}?details=1`);
  const { plugins, failed } = JSON.parse(text);
  expect([status, plugins]).toEqual([200, []]);
  expect(failed).toMatchObject([{ host: "http://127.0.0.1:1" }, { host: "entry 2 of pluginHosts" }]);
  expect(text).not.toContain("s3cret");
});
