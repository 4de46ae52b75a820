import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { proxySettings } from "../../src/fetch/proxy.ts";
import { downloadBench, serveFiles, sha256, someBytes } from "../support/downloading.ts";
import type { FileServer } from "../support/file-server.ts";
import { file, redirect } from "../support/file-server-replies.ts";
import { type ProxyServer, startProxy } from "../support/proxy-server.ts";

const BODY = someBytes(2_000_000);
let server: FileServer;
let proxy: ProxyServer;

beforeEach(async () => {
  server = await serveFiles({
    "/x.zip?a=1": file(BODY, { etag: '"one"', resetAfter: [500_000] }),
    "/r.zip": redirect("/x.zip?a=1"),
  });
  proxy = await startProxy(server.port);
});
afterEach(() => proxy.close());

it("takes the proxies from the environment, without quotes that no shell took away", () => {
  const env = { http_proxy: '"http://proxy:3128"', HTTPS_PROXY: "'proxy:3129'", NO_PROXY: '""' };
  expect(proxySettings(env)).toEqual({ httpProxy: "http://proxy:3128", httpsProxy: "proxy:3129" });
});

describe("a download through a proxy", () => {
  it("asks it for plain http by the whole address, and takes up what broke off", async () => {
    const bench = await downloadBench({}, { httpProxy: `http://me:my%3Aown@127.0.0.1:${proxy.port}` });
    expect(await bench.fetch("http://user:pass@plugins.example:8080/r.zip")).toMatchObject({ sha256: sha256(BODY) });
    expect(proxy.requests.map(({ line }) => line).slice(0, 2)).toEqual([
      "GET http://plugins.example:8080/r.zip",
      "GET http://plugins.example:8080/x.zip?a=1",
    ]);
    expect(proxy.requests[0]?.headers).toMatchObject({
      host: "plugins.example:8080",
      authorization: `Basic ${btoa("user:pass")}`,
      "proxy-authorization": `Basic ${btoa("me:my:own")}`,
    });
  });

  it("leaves it out for the hosts of NO_PROXY, for loopback and for the other scheme", async () => {
    const settings = { httpProxy: `127.0.0.1:${proxy.port}`, noProxy: "plugins.example" };
    expect(
      (await (await downloadBench({ maxRetries: 0 }, settings)).failure("http://plugins.example/x.zip")).message,
    ).toMatch(/lookup/);
    await (await downloadBench({}, settings)).fetch(server.url("/r.zip"));
    expect(
      (await (await downloadBench({ maxRetries: 0 }, settings)).failure("https://other.invalid/x.zip")).message,
    ).toMatch(/lookup/);
    expect(proxy.requests).toEqual([]);
  });

  it.each([407, 403])("tells of a tunnel that it refuses with %d", async (status) => {
    const refusing = await startProxy(server.port, { status });
    const bench = await downloadBench({}, { httpsProxy: `http://me:secret@127.0.0.1:${refusing.port}` });
    const { message } = await bench.failure("https://plugins.example/x.zip");
    expect(message).toMatch(`the proxy 127.0.0.1:${refusing.port} answered ${status} `);
    expect(message).not.toContain("secret");
    await refusing.close();
  });

  it("tells that the proxy itself does not listen", async () => {
    await proxy.close();
    const bench = await downloadBench({}, { httpProxy: `127.0.0.1:${proxy.port}` });
    expect((await bench.failure("http://plugins.example/x.zip")).message).toMatch(
      `dial tcp 127.0.0.1:${proxy.port}: connect: connection refused`,
    );
  });

  it("checks the host of the file, not that of the proxy", async () => {
    const bench = await downloadBench({ allowedHosts: ["127.0.0.1"] }, { httpProxy: `127.0.0.1:${proxy.port}` });
    expect((await bench.failure("http://plugins.example/x.zip")).message).toMatch(
      /plugins\.example:80 is not in pluginDownload\.allowedHosts$/,
    );
    expect(proxy.requests).toEqual([]);
  });
});
