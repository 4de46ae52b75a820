import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { type RequestOptions, send } from "../support/http-client.ts";
import { inFrontTest } from "../support/in-front.ts";

/** The page is served like any part of this server, to everybody, and browsers find it. */

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const INDEX = "<!doctype html><title>page</title>";
const SCRIPT = "console.log('a page');\n".repeat(100);

const test = stoppedServerTest
  /** Starts the server with a page of three files in its folder, and a secret beside it. */
  .extend("startWithPage", ({ server, folder }) => async (settings: Record<string, string> = {}) => {
    const page = join(folder, "ui");
    await mkdir(join(page, "assets"), { recursive: true });
    await writeFile(join(folder, "secret.txt"), "secret");
    await writeFile(join(page, ".hidden"), "hidden");
    await symlink(join(folder, "secret.txt"), join(page, "assets", "link.txt"));
    const files = { "index.html": INDEX, "assets/main-1a2b.js": SCRIPT, "icon.svg": "<svg/>" };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(page, name), content);
      await writeFile(join(page, `${name}.br`), brotliCompressSync(content));
      await writeFile(join(page, `${name}.gz`), gzipSync(content));
    }
    return server.servePage(page).start(settings);
  })
  .extend("get", ({ server }) => (path: string, headers = {}, options: RequestOptions = {}) => {
    return send(`${server.url}${path}`, { headers, ...options });
  });

describe("the files", () => {
  test("are sent with a policy that lets the page use this server alone", async ({ startWithPage, get }) => {
    await startWithPage();
    const { status, headers, text } = await get("/ui/");
    expect([status, text]).toEqual([200, INDEX]);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    const policy = String(headers["content-security-policy"]).split("; ");
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|http/);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
  });

  test("are cached for as long as their name stands for their content", async ({ startWithPage, get }) => {
    await startWithPage();
    expect((await get("/ui/assets/main-1a2b.js")).headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    for (const path of ["/ui/", "/ui/index.html", "/ui/icon.svg"]) {
      const { status, headers } = await get(path);
      expect([status, headers["cache-control"]]).toEqual([200, "no-cache"]);
      const again = await get(path, { "if-none-match": String(headers.etag) });
      expect([again.status, again.text]).toEqual([304, ""]);
    }
  });

  test("come compressed as the build made them, to those who take that", async ({ startWithPage, get }) => {
    await startWithPage();
    const plain = await get("/ui/assets/main-1a2b.js");
    expect([plain.text, plain.headers["content-encoding"]]).toEqual([SCRIPT, undefined]);
    for (const encoding of ["br", "gzip"]) {
      const { headers } = await get("/ui/assets/main-1a2b.js", { "accept-encoding": encoding });
      expect(headers).toMatchObject({ "content-encoding": encoding, vary: "accept-encoding" });
      expect(headers["content-type"]).toMatch(/^application\/javascript/);
      expect(headers["cache-control"]).toMatch(/immutable/);
      expect(Number(headers["content-length"])).toBeLessThan(SCRIPT.length / 4);
    }
  });

  test("are sent in parts, and as their headers alone", async ({ startWithPage, get }) => {
    await startWithPage();
    const part = await get("/ui/index.html", { range: "bytes=0-4" });
    expect([part.status, part.text]).toEqual([206, INDEX.slice(0, 5)]);
    const head = await get("/ui/", {}, { method: "HEAD" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(INDEX.length)]);
  });

  test("are refused in words of HTTP alone where a condition does not hold, or a range is not there", async ({
    startWithPage,
    get,
  }) => {
    await startWithPage();
    for (const path of ["/ui/", "/ui/assets/main-1a2b.js", "/docs/static/swagger-ui.css"]) {
      const range = await get(path, { range: "bytes=9999999-" });
      expect([path, range.status, range.text]).toEqual([path, 416, ""]);
      expect(range.headers["content-range"]).toMatch(/^bytes \*\/\d+$/);
      const match = await get(path, { "if-match": '"other"' });
      expect([path, match.status, match.text]).toEqual([path, 412, ""]);
    }
  });

  test("are 404 once they are gone, as when the server is built anew", async ({ startWithPage, get, folder }) => {
    await startWithPage();
    expect((await get("/ui/icon.svg")).status).toBe(200);
    for (const name of ["icon.svg", "icon.svg.br", "icon.svg.gz"]) await rm(join(folder, "ui", name));
    expect(await get("/ui/icon.svg")).toMatchObject({ status: 404, text: "" });
  });

  test("are those of the build alone", async ({ startWithPage, get }) => {
    await startWithPage();
    const others = [
      "/ui/none.js",
      "/ui/assets",
      "/ui/assets/",
      "/ui/.hidden",
      "/ui/assets/link.txt",
      "/ui/index.html.br",
      "/ui/../secret.txt",
      "/ui/..%2fsecret.txt",
      "/ui/%2e%2e/secret.txt",
      "/ui/assets/..%5c..%5csecret.txt",
      "/ui//etc/passwd",
      "/ui/index.html%00.js",
      "/ui/INDEX.html",
    ];
    for (const path of others) {
      const { status, text } = await get(path);
      expect([path, status, text]).toEqual([
        path,
        path.includes("%00") ? status : 404,
        expect.not.stringMatching(/secret$/),
      ]);
    }
    expect(await get("/ui/none.js", { accept: "application/json" })).toMatchObject({
      status: 404,
      text: '{"error":"PAGE_NOT_FOUND","message":"404 page not found"}',
    });
  });

  test("are not written to", async ({ startWithPage, get }) => {
    await startWithPage();
    const { status, headers } = await get("/ui/index.html", {}, { method: "POST", body: "x" });
    expect([status, headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  test("are logged like every request that reads", async ({ server, startWithPage, get }) => {
    await startWithPage({ BASIC__DEBUG: "true" });
    await get("/ui/index.html");
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "request", url: "/ui/index.html", status: 200 }),
    );
  });

  test("are kept from a name that was made to point here", async ({ startWithPage, get }) => {
    await startWithPage();
    const { status } = await get("/ui/", { host: "rebound.example", "sec-fetch-mode": "navigate" });
    expect(status).toBe(403);
  });

  test("need no token, while what they ask for does", async ({ startWithPage, get }) => {
    await startWithPage({ BASIC__AUTHENTICATION: "true" });
    expect((await get("/ui/")).status).toBe(200);
    expect((await get("/ui/assets/main-1a2b.js")).status).toBe(200);
    expect((await get("/", { accept: BROWSER })).headers.location).toBe("ui/");
    expect((await get("/plugins")).status).toBe(401);
    expect((await get("/")).status).toBe(401);
  });

  test("are not there where they were not built, or are turned off", async ({ server, folder, startWithPage, get }) => {
    await server.servePage(join(folder, "nowhere")).start();
    expect((await get("/ui/")).status).toBe(404);
    await startWithPage({ HTTP__PAGE: "false" });
    expect((await get("/ui/")).status).toBe(404);
    const { status, headers } = await get("/", { accept: BROWSER });
    expect([status, headers["content-type"], headers.vary]).toEqual([200, expect.stringMatching(/json/), undefined]);
  });
});

describe("GET /", () => {
  test("sends browsers to the page", async ({ startWithPage, get }) => {
    await startWithPage();
    const { status, headers } = await get("/", { accept: BROWSER });
    expect([status, headers.location, headers.vary]).toEqual([302, "ui/", "Accept"]);
    expect((await get("/ui")).headers.location).toBe("ui/");
  });

  const PROGRAMS = {
    "curl's": "*/*",
    "a dashboard's": "application/json, text/plain, */*",
    "one that takes both": "text/html, application/json",
    "one that refuses HTML": "text/html;q=0, application/json;q=0.5",
    "that of Java's own client": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
  };
  for (const [whose, accept] of Object.entries(PROGRAMS)) {
    test(`answers as before to a program whose Accept header is ${whose}`, async ({ startWithPage, get }) => {
      await startWithPage();
      const { status, headers, text } = await get("/", { accept });
      expect([status, headers.vary, JSON.parse(text).version]).toEqual([200, "Accept", "0.0.0-test"]);
    });
  }

  test("answers as before without a header, and to other methods", async ({ startWithPage, get }) => {
    await startWithPage();
    expect((await get("/")).status).toBe(200);
    expect((await get("/", { accept: BROWSER }, { method: "HEAD" })).status).toBe(200);
    expect((await get("/", { accept: BROWSER }, { method: "POST" })).status).toBe(200);
  });

  test("keeps what CORS says about caches", async ({ startWithPage, get }) => {
    await startWithPage({ HTTP__ALLOWEDORIGINS: '["https://dashboard.example"]' });
    expect((await get("/", { origin: "https://dashboard.example" })).headers.vary).toBe("Origin, Accept");
  });
});

describe("in front of an engine", () => {
  const front = inFrontTest("2.1.0");

  front("the page is ours, in whatever spelling", async ({ server, engine, start }) => {
    await start();
    for (const path of ["/ui", "/ui/", "/ui/none.js", "//ui/x", "/%75i/x"]) {
      const { status } = await send(`${server.url}${path}`);
      expect([200, 302, 404]).toContain(status);
    }
    const { status, headers } = await send(`${server.url}/`, { headers: { accept: BROWSER } });
    expect([status, headers.location]).toEqual([302, "ui/"]);
    expect(engine.asked.filter(({ path }) => /ui/.test(path))).toEqual([]);
    expect(JSON.parse((await send(`${server.url}/`)).text).pluginServer.version).toBe("0.0.0-test");
  });
});
