import { mkdir, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { examine } from "../support/doctor.ts";
import { startProxy } from "../support/proxy-server.ts";
import { deadUrl, RawEngine } from "../support/raw-engine.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startZipHost, type ZipHost } from "../support/zip-host.ts";

const PLATFORM = { PREBUILD__OS: "debian", PREBUILD__ARCH: "amd64" };

let base: string;
let host: ZipHost;
beforeEach(async () => {
  base = await tempFolder();
  host = await startZipHost();
  onTestFinished(() => host.close());
});

const lookAt = (pluginHosts: string, more: Record<string, string> = {}, env: NodeJS.ProcessEnv = {}) =>
  examine(base, { settings: { BASIC__PLUGINHOSTS: pluginHosts, ...PLATFORM, ...more }, env });

function offer(path = "/kuiper-plugins/1.0.2/debian/sources/"): void {
  host.serve(path, Buffer.from('<a href="random_amd64.zip">x</a><a href="zmq_amd64.zip">x</a>'));
}

describe("plugin hosts", () => {
  test("that offer plugins for this system", async () => {
    offer();
    expect((await lookAt(host.origin)).of("plugin-hosts")).toEqual([
      `ok: ${host.origin} has 2 plugins for debian on amd64, engine 1.0.2, asked directly`,
    ]);
  });

  test("that have none: which pages were read", async () => {
    host.serve("/kuiper-plugins/1.0.2/debian/sources/", Buffer.from("<p>nothing</p>"));
    expect((await lookAt(host.origin)).of("plugin-hosts")).toEqual([
      expect.stringMatching(
        /^warning: .* answers, and has no plugins for debian on amd64.*\/kuiper-plugins\/1\.0\.2\/debian\/sources\/ \(/,
      ),
    ]);
  });

  test("that fail: which path was asked and what came, each host by itself, and no password", async () => {
    const dead = (await deadUrl()).replace("http://", "http://joe:s3cret@");
    const findings = await lookAt(`${dead},${host.origin},ftp://x`);
    expect(findings.of("plugin-hosts")).toEqual([
      expect.stringMatching(/^failure: http:\/\/127\.0\.0\.1:\d+ fails: connection refused, asked directly -> correct/),
      expect.stringMatching(
        /^failure: .* fails: 404 Not Found for \/kuiper-plugins\/1\.0\.2\/debian\/sources\/ and \/kuiper-plugins\/1\.0\.2\/sources\/debian\//,
      ),
      expect.stringMatching(/^failure: entry 3 of pluginHosts fails: not an http or https address/),
    ]);
    expect(JSON.stringify(findings.all)).not.toContain("s3cret");
  });

  test("that never answer", async () => {
    await using silent = await RawEngine.startTcp(() => {}, { own: true });
    expect((await lookAt(silent.url, { PREBUILD__TIMEOUTSECONDS: "0.1" })).of("plugin-hosts")).toEqual([
      expect.stringMatching(/^failure: .* fails: no answer within 0\.1 s, asked directly/),
    ]);
  });

  test("are not asked with --offline", async () => {
    const settings = { BASIC__PLUGINHOSTS: host.origin };
    const findings = await examine(base, { settings, offline: true });
    expect(findings.of("plugin-hosts")).toEqual(["skipped: plugin hosts are not asked (--offline)"]);
    expect(host.requests).toEqual([]);
  });
});

describe("proxies", () => {
  test("which one a host was asked through, without its password", async () => {
    offer();
    const proxy = await startProxy(host.port);
    onTestFinished(() => proxy.close());
    const env = { HTTP_PROXY: `http://joe:s3cret@127.0.0.1:${proxy.port}`, NO_PROXY: "direct.test" };
    const findings = await lookAt("http://packages.test,http://direct.test", {}, env);
    expect(findings.of("proxies")).toEqual([
      `ok: http://packages.test is asked through the proxy 127.0.0.1:${proxy.port}`,
      "ok: http://direct.test is asked directly",
    ]);
    expect(findings.of("plugin-hosts")[0]).toBe(
      `ok: http://packages.test has 2 plugins for debian on amd64, engine 1.0.2, asked through the proxy 127.0.0.1:${proxy.port}`,
    );
    expect(proxy.requests.map(({ line }) => line)).toContain(
      "GET http://packages.test/kuiper-plugins/1.0.2/debian/sources/",
    );
    expect(JSON.stringify(findings.all)).not.toContain("s3cret");
  });

  test("that refuse, or whose address can't be used", async () => {
    const proxy = await startProxy(host.port, { status: 407 });
    onTestFinished(() => proxy.close());
    const refused = await lookAt("http://packages.test", {}, { HTTP_PROXY: `127.0.0.1:${proxy.port}` });
    expect(refused.of("plugin-hosts")[0]).toMatch(
      /^failure: http:\/\/packages\.test fails: 407 .* asked through the proxy/,
    );
    const socks = await lookAt("", {}, { HTTPS_PROXY: "socks5://127.0.0.1:1080" });
    expect(socks.of("proxies")).toEqual([
      expect.stringMatching(/^failure: HTTPS_PROXY names socks5:.*, which is not supported/),
    ]);
    const all = await lookAt("", {}, { ALL_PROXY: "http://127.0.0.1:3128" });
    expect(all.of("proxies")).toEqual([expect.stringMatching(/^warning: ALL_PROXY is not read/)]);
  });
});

describe("downloads", () => {
  test("the file of an authority that is missing or none, and a folder that is not there", async () => {
    const look = async (settings: Record<string, string>) => (await lookAt("", settings)).of("downloads");
    expect(await look({ PLUGINDOWNLOAD__CA: "gone.pem" })).toEqual([
      expect.stringMatching(/^failure: pluginDownload\.ca cannot be read/),
    ]);
    await writeFile(join(base, "ca.pem"), "hello");
    expect(await look({ PLUGINDOWNLOAD__CA: "ca.pem" })).toEqual([
      expect.stringMatching(/^failure: .* is not a file of PEM certificates/),
    ]);
    expect(await look({ PLUGINDOWNLOAD__ALLOWEDFOLDERS: "/nowhere" })).toContainEqual(
      expect.stringMatching(/^warning: pluginDownload\.allowedFolders has \/nowhere: no such file/),
    );
    expect(await look({ PLUGINDOWNLOAD__VERIFYTLS: "false" })).toEqual(["ok: the usual authorities are trusted"]);
  });
});

describe("the clock", () => {
  /** A host whose clock is off by so many seconds. */
  async function hostAt(seconds: number): Promise<string> {
    const server = createServer((_, response) => {
      response.setHeader("date", new Date(Date.now() + seconds * 1000).toUTCString());
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("that agrees with others is fine", async () => {
    expect((await lookAt(await hostAt(0))).of("clock")).toEqual([
      expect.stringMatching(/^ok: it is \d{4}-[\dT:.-]+Z$/),
    ]);
  });

  test("that differs from theirs: by how much, and from whose", async () => {
    const [plugins, engine] = [await hostAt(600), await hostAt(-3 * 86_400)];
    expect((await lookAt(plugins, { ENGINE__URL: engine })).of("clock")).toEqual([
      expect.stringMatching(/^failure: this clock is 2592\d\d s ahead of that of the engine -> set the clock/),
      expect.stringMatching(new RegExp(`^warning: this clock is (599|600|601) s behind that of ${plugins} `)),
      expect.stringMatching(/^ok: it is /),
    ]);
    const authentication = { BASIC__AUTHENTICATION: "true" };
    expect((await lookAt(plugins, authentication)).of("clock")[0]).toMatch(/^failure: this clock is \d+ s behind/);
  });

  test("that is before what was written, or built, by it", async () => {
    const future = new Date(Date.now() + 7_200_000);
    await mkdir(join(base, "plugins"));
    await writeFile(
      join(base, "plugins/registry.json"),
      '{"schema":1,"plugins":{"sources":{},"sinks":{},"functions":{}}}',
    );
    await utimes(join(base, "plugins/registry.json"), future, future);
    expect((await examine(base, { notBefore: future })).of("clock")).toEqual([
      expect.stringMatching(/^failure: this clock is 7\d\d\d s before the last write of .*registry\.json/),
      expect.stringMatching(/^failure: this clock is 7\d\d\d s before the build of this program/),
      expect.stringMatching(/^ok: /),
    ]);
  });
});
