import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type CatalogueOptions, createCatalogue } from "../../src/catalogue/catalogue.ts";
import type { Client } from "../../src/fetch/client.ts";
import { testClient } from "../support/client.ts";
import { startProxy } from "../support/proxy-server.ts";
import { deadUrl } from "../support/raw-engine.ts";
import {
  type Answer,
  CONFIG,
  links,
  OS_FIRST,
  recordWarnings,
  redirect,
  serve,
  startFileHost,
  TYPE_FIRST,
} from "./file-host.ts";

type Change = Partial<Omit<CatalogueOptions, "config" | "log">> & {
  config?: Partial<CatalogueOptions["config"]>;
};

function catalogOf(hosts: string | readonly string[], { config, ...change }: Change = {}) {
  const log = recordWarnings();
  const catalog = createCatalogue({
    client: testClient(),
    config: { ...CONFIG, ...config },
    hosts: [hosts].flat().join(" , "),
    log,
    ...change,
  });
  return { catalog, warnings: log.warnings };
}

const folderWith = (...names: string[]) => ({ [`${OS_FIRST}/`]: links(...names.map((name) => `${name}_amd64.zip`)) });

describe("what is listed", () => {
  test("the plugins of all hosts by name; the first host wins", async () => {
    const a = await startFileHost(folderWith("zmq", "random"));
    const b = await startFileHost(folderWith("zmq", "influx", "Bad-Name"));
    const { catalog, warnings } = catalogOf([a.origin, b.origin]);
    const { plugins, failedHosts } = await catalog.list("sources");
    expect(Object.entries(plugins)).toEqual([
      ["influx", `${b.origin}${OS_FIRST}/influx_amd64.zip`],
      ["random", `${a.origin}${OS_FIRST}/random_amd64.zip`],
      ["zmq", `${a.origin}${OS_FIRST}/zmq_amd64.zip`],
    ]);
    expect(failedHosts).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test("each type from its own folder, for the system that is set", async () => {
    const { origin, requests } = await startFileHost({ "*": links("file_arm64.zip", "file_amd64.zip") });
    const { catalog } = catalogOf(origin, { config: { version: "0.9.1", os: "alpine", arch: "arm64" } });
    const folder = "/kuiper-plugins/0.9.1/alpine/sinks/";
    expect({ ...(await catalog.list("sinks")).plugins }).toEqual({ file: `${origin}${folder}file_arm64.zip` });
    expect([...requests].sort()).toEqual([folder, "/kuiper-plugins/0.9.1/sinks/alpine/"]);
  });

  test("a redirect to the folder, and a page at the bare path", async () => {
    const a = await startFileHost({
      [`${OS_FIRST}/`]: redirect("/mirror/sources"),
      "/mirror/sources": redirect("sources/"),
      "/mirror/sources/": links("zmq_amd64.zip"),
    });
    const b = await startFileHost({ [TYPE_FIRST]: links("random_amd64.zip") });
    const { plugins } = await catalogOf([a.origin, b.origin]).catalog.list("sources");
    expect({ ...plugins }).toEqual({
      random: `${b.origin}${TYPE_FIRST}/random_amd64.zip`,
      zmq: `${a.origin}/mirror/sources/zmq_amd64.zip`,
    });
  });

  test("names that every object has", async () => {
    const { origin } = await startFileHost(folderWith("constructor", "toString"));
    const { plugins } = await catalogOf(origin).catalog.list("sources");
    expect(Object.keys(plugins)).toEqual(["constructor", "toString"]);
    expect(JSON.parse(JSON.stringify(plugins))).toHaveProperty(
      "constructor",
      `${origin}${OS_FIRST}/constructor_amd64.zip`,
    );
    const empty = await startFileHost(folderWith());
    expect((await catalogOf(empty.origin).catalog.list("sources")).plugins.constructor).toBeUndefined();
  });

  test("without hosts nothing", async () => {
    const { plugins, failedHosts } = await catalogOf(" , ").catalog.list("sources");
    expect({ ...plugins }).toEqual({});
    expect(failedHosts).toEqual([]);
  });

  test("a listing can't be changed, since others get the same", async () => {
    const { origin } = await startFileHost(folderWith("zmq"));
    const listing = await catalogOf(origin).catalog.list("sources");
    expect(Object.isFrozen(listing.plugins) && Object.isFrozen(listing.failedHosts)).toBe(true);
  });
});

describe("hosts that fail", () => {
  test("do not hide the others; the log says why, once for each", async () => {
    const silent = await startFileHost({ "*": () => {} });
    const empty = await startFileHost({});
    const huge = await startFileHost({ "*": "x".repeat(CONFIG.maxPageBytes + 1) });
    const dead = await deadUrl();
    const good = await startFileHost(folderWith("zmq"));
    const hosts = [silent.origin, empty.origin, huge.origin, dead, "ftp://x", good.origin];
    const { catalog, warnings } = catalogOf(hosts, { config: { timeoutSeconds: 2 } });

    const { plugins, failedHosts } = await catalog.list("sources");
    expect({ ...plugins }).toEqual({ zmq: `${good.origin}${OS_FIRST}/zmq_amd64.zip` });
    const reasons = {
      [silent.origin]: "no answer within 2 s",
      [empty.origin]: `404 Not Found for ${OS_FIRST}/ and ${TYPE_FIRST}/`,
      [huge.origin]: "page larger than 65536 bytes",
      [dead]: "connection refused",
      "entry 5 of pluginHosts": "not an http or https address",
    };
    expect(failedHosts).toEqual(Object.keys(reasons));
    expect(warnings).toEqual(
      Object.entries(reasons).map(([host, reason]) => ({
        fields: { host, type: "sources", reason },
        message: "a plugin host failed",
      })),
    );
  });

  test("one page that hangs does not take the other's plugins away", async () => {
    const { origin } = await startFileHost({ ...folderWith("zmq"), [`${TYPE_FIRST}/`]: () => {} });
    const { plugins, failedHosts } = await catalogOf(origin, { config: { timeoutSeconds: 2 } }).catalog.list("sources");
    expect(Object.keys(plugins)).toEqual(["zmq"]);
    expect(failedHosts).toEqual([]);
  });

  test("a store's page for a path that is not there has no plugins: it is named, and logged with what it is", async () => {
    const store = await startFileHost({
      "*": (_request, response) =>
        response.writeHead(200, { "content-type": "application/xml" }).end("<ListBucketResult/>"),
    });
    const { catalog, warnings } = catalogOf(store.origin);
    const emptyPages = [OS_FIRST, TYPE_FIRST].map((path) => `${store.origin}${path}/`);
    expect(await catalog.list("sources")).toEqual({ plugins: {}, failedHosts: [], emptyPages });
    expect(warnings).toMatchObject([{ fields: { pages: [{ contentType: "application/xml" }, {}] } }]);
  });

  test("all of them: an error that names each with its reason", async () => {
    const empty = await startFileHost({});
    const dead = await deadUrl();
    const { catalog, warnings } = catalogOf([dead, empty.origin]);
    await expect(catalog.list("functions")).rejects.toMatchObject({
      code: "PLUGIN_HOSTS_FAILED",
      message: `no plugin host answered: ${dead}: connection refused; ${empty.origin}: 404 Not Found for ${OS_FIRST.replace("sources", "functions")}/ and ${TYPE_FIRST.replace("sources", "functions")}/`,
    });
    expect(warnings).toHaveLength(2);
  });

  test("the time is one for all, however many hosts are silent", async () => {
    const silent = await startFileHost({ "*": () => {} });
    const hosts = Array.from({ length: 20 }, (_, index) => `${silent.origin}/${index}`);
    const started = performance.now();
    await expect(catalogOf(hosts, { config: { timeoutSeconds: 1 } }).catalog.list("sources")).rejects.toMatchObject({
      code: "PLUGIN_HOSTS_FAILED",
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(silent.requests).toHaveLength(16); // eight hosts, two pages each
  });
});

test("credentials of a host are sent and never shown", async () => {
  const seen = new Set<string | undefined>();
  const good = await startFileHost({
    "*": (request, response) => {
      seen.add(request.headers.authorization);
      response.end(links("zmq_amd64.zip"));
    },
  });
  const empty = await startFileHost({});
  const withUser = (origin: string) => origin.replace("//", "//user:s%C3%A9cret@");
  const { catalog, warnings } = catalogOf([withUser(good.origin), withUser(empty.origin)]);

  const listing = await catalog.list("sources");
  expect([...seen]).toEqual([`Basic ${Buffer.from("user:sécret").toString("base64")}`]);
  expect(listing.failedHosts).toEqual([empty.origin]);
  expect({ ...listing.plugins }).toEqual({ zmq: `${good.origin}${OS_FIRST}/zmq_amd64.zip` });
  const dead = catalogOf(withUser(await deadUrl()));
  const error = await dead.catalog.list("sources").catch((reason: Error) => reason.message);
  expect(JSON.stringify([listing, warnings, dead.warnings, error])).not.toMatch(/user|cret/);
});

describe("at the same time", () => {
  test("both pages and all hosts, up to eight", async () => {
    const waiting: ServerResponse[] = [];
    let open = 0;
    let most = 0;
    // Answers nobody before sixteen requests are there: what is asked one after the other would never get so far.
    const gate = await startFileHost({
      "*": (_request, response) => {
        open++;
        most = Math.max(most, open);
        response.once("finish", () => open--);
        waiting.push(response);
        if (waiting.length >= 16) for (const each of waiting) if (!each.writableEnded) each.end();
      },
    });
    const hosts = Array.from({ length: 12 }, (_, index) => `${gate.origin}/${index}`);
    const { failedHosts } = await catalogOf(hosts).catalog.list("sources");
    expect(failedHosts).toEqual([]);
    expect(waiting).toHaveLength(24);
    expect(most).toBe(16);
  });

  test("callers of one type share one round of requests", async () => {
    const { origin, requests } = await startFileHost({ "*": links("zmq_amd64.zip") });
    const { catalog } = catalogOf(origin);
    const listings = await Promise.all(Array.from({ length: 20 }, () => catalog.list("sources")));
    expect(new Set(listings).size).toBe(1);
    expect(requests).toHaveLength(2);
    await catalog.list("sinks");
    expect(requests).toHaveLength(4);
  });
});

describe("a listing is kept", () => {
  test("for its time; one with a failed host, and a failure, for five seconds", async () => {
    let time = 0;
    let mended = false;
    const good = await startFileHost({ "*": links("zmq_amd64.zip") });
    const broken = await startFileHost({
      "*": (_request, response) => response.writeHead(mended ? 200 : 404).end(links("random_amd64.zip")),
    });
    const change = { now: () => time, config: { cacheSeconds: 60 } };
    const partly = catalogOf([good.origin, broken.origin], change);
    const whole = catalogOf(good.origin, change);
    const none = catalogOf(broken.origin, change);
    const names = async () => Object.keys((await partly.catalog.list("sources")).plugins);

    expect(await names()).toEqual(["zmq"]);
    await whole.catalog.list("sources");
    await expect(none.catalog.list("sources")).rejects.toThrow(`404 Not Found for ${OS_FIRST}/ and ${TYPE_FIRST}/`);
    mended = true;
    time = 4999;
    expect(await names()).toEqual(["zmq"]);
    await expect(none.catalog.list("sources")).rejects.toThrow(`404 Not Found for ${OS_FIRST}/ and ${TYPE_FIRST}/`);
    expect(none.warnings).toHaveLength(1);
    expect(partly.warnings).toHaveLength(1);
    time = 5000;
    expect(await names()).toEqual(["random", "zmq"]);
    expect(Object.keys((await none.catalog.list("sources")).plugins)).toEqual(["random"]);

    const before = good.requests.length;
    time = 59_999;
    await whole.catalog.list("sources");
    expect(good.requests).toHaveLength(before);
    time = 60_000;
    await whole.catalog.list("sources");
    expect(good.requests).toHaveLength(before + 2);
  });
});

describe("what it is given", () => {
  test("a client sends the requests, and none before the first listing", async () => {
    const { origin, requests } = await startFileHost(folderWith("zmq"));
    const asked: string[] = [];
    const real = testClient();
    const client: Client = {
      get(url, options) {
        asked.push(url.href);
        return real.get(url, options);
      },
    };
    const { catalog } = catalogOf(origin, { client });
    expect([asked, requests]).toEqual([[], []]);
    await catalog.list("sources");
    expect(asked).toContain(`${origin}${OS_FIRST}/`);
    expect(asked.sort()).toEqual(requests.map((path) => origin + path).sort());
  });

  test("the system is detected when it is not set", async () => {
    const { origin, requests } = await startFileHost({ "*": links("zmq_riscv64.zip") });
    const platform = async () => ({ os: "alpine", arch: "riscv64" });
    expect(Object.keys((await catalogOf(origin, { platform }).catalog.list("sources")).plugins)).toEqual(["zmq"]);
    expect(requests).toContain("/kuiper-plugins/1.0.2/alpine/sources/");
  });
});

describe("the rules of downloads hold for plugin hosts", () => {
  const tlsFile = (name: string) => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));

  test("proxies are used", async () => {
    const { origin, requests } = await startFileHost(folderWith("zmq"));
    const proxy = await startProxy(Number(new URL(origin).port));
    onTestFinished(() => proxy.close());
    const client = testClient({}, { httpProxy: `http://me:secret@127.0.0.1:${proxy.port}` });
    const { catalog, warnings } = catalogOf("http://user:own@plugins.example:8080", { client });

    const host = "http://plugins.example:8080";
    expect(await catalog.list("sources")).toEqual({
      plugins: { zmq: `${host}${OS_FIRST}/zmq_amd64.zip` },
      failedHosts: [],
      emptyPages: [],
    });
    expect(proxy.requests.map(({ line }) => line)).toContain(`GET ${host}${OS_FIRST}/`);
    expect(proxy.requests[0]?.headers).toMatchObject({
      host: "plugins.example:8080",
      authorization: `Basic ${btoa("user:own")}`,
      "proxy-authorization": `Basic ${btoa("me:secret")}`,
    });
    expect(requests).toContain(`${OS_FIRST}/`);
    expect(warnings).toEqual([]);
  });

  test("a proxy that does not listen is the reason, without its password", async () => {
    const { port } = new URL(await deadUrl());
    const client = testClient({}, { httpProxy: `http://me:secret@127.0.0.1:${port}` });
    await expect(catalogOf("http://plugins.example", { client }).catalog.list("sources")).rejects.toThrow(
      /^no plugin host answered: http:\/\/plugins\.example: proxy: connection refused$/,
    );
  });

  test("pluginDownload.ca names a private authority, pluginDownload.verifyTls: false takes any certificate", async () => {
    const tls = { cert: await readFile(tlsFile("cert")), key: await readFile(tlsFile("key")) };
    const server = createHttpsServer(tls, (_request, response) => response.end(links("zmq_amd64.zip")));
    const origin = `https://${await serve(server as never)}`;
    const reason = "certificate not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)";
    await expect(catalogOf(origin).catalog.list("sources")).rejects.toThrow(
      `no plugin host answered: ${origin}: ${reason}`,
    );
    for (const settings of [{ ca: tlsFile("cert") }, { verifyTls: false }]) {
      const { catalog } = catalogOf(origin, { client: testClient(settings) });
      expect(Object.keys((await catalog.list("sources")).plugins)).toEqual(["zmq"]);
    }
  });

  test("a pluginDownload.ca that can't be read is the reason", async () => {
    const client = testClient({ ca: "/nowhere/ca.pem" });
    await expect(catalogOf("https://127.0.0.1:1", { client }).catalog.list("sources")).rejects.toThrow(
      /: pluginDownload\.ca cannot be read: \/nowhere\/ca\.pem: no such file or directory$/,
    );
  });

  test("a host that is not in pluginDownload.allowedHosts is not asked", async () => {
    const allowed = await startFileHost(folderWith("zmq"));
    const other = await startFileHost(folderWith("random"));
    const client = testClient({ allowedHosts: [new URL(allowed.origin).host] });
    const { catalog, warnings } = catalogOf([other.origin, allowed.origin], { client });

    const { plugins, failedHosts } = await catalog.list("sources");
    expect(Object.keys(plugins)).toEqual(["zmq"]);
    expect(failedHosts).toEqual([other.origin]);
    const reason = `the host ${new URL(other.origin).host} is not in pluginDownload.allowedHosts`;
    expect(warnings).toEqual([
      { fields: { host: other.origin, type: "sources", reason }, message: "a plugin host failed" },
    ]);
    expect(other.requests).toEqual([]);
    await expect(catalogOf(other.origin, { client }).catalog.list("sources")).rejects.toMatchObject({
      code: "PLUGIN_HOSTS_FAILED",
      message: `no plugin host answered: ${other.origin}: ${reason}`,
    });
  });

  test("nor is one that an allowed host redirects to", async () => {
    const other = await startFileHost(folderWith("random"));
    const host = await startFileHost({ "*": redirect(`${other.origin}${OS_FIRST}/`) });
    const client = testClient({ allowedHosts: [new URL(host.origin).host] });
    await expect(catalogOf(host.origin, { client }).catalog.list("sources")).rejects.toThrow(
      `the host ${new URL(other.origin).host} is not in pluginDownload.allowedHosts`,
    );
    expect(other.requests).toEqual([]);
  });

  test("a redirect to another origin does not carry the password, and neither does the way back", async () => {
    const seen: [host: string, authorization: string | undefined][] = [];
    const note =
      (host: string, answer: Answer): Answer =>
      (request, response) => {
        seen.push([host, request.headers.authorization]);
        if (typeof answer === "function") answer(request, response);
        else response.end(answer);
      };
    const pages: Record<string, Answer> = { "/plugins/": note("own", links("zmq_amd64.zip")) };
    const own = await startFileHost(pages);
    const other = await startFileHost({ "/back": note("other", redirect(`${own.origin}/plugins/`)) });
    pages[`${OS_FIRST}/`] = note("own", redirect(`${other.origin}/back`));

    const { catalog } = catalogOf(own.origin.replace("//", "//user:secret@"));
    expect({ ...(await catalog.list("sources")).plugins }).toEqual({ zmq: `${own.origin}/plugins/zmq_amd64.zip` });
    expect(seen).toEqual([
      ["own", `Basic ${btoa("user:secret")}`],
      ["other", undefined],
      ["own", undefined],
    ]);
  });
});
