import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { post, send } from "../support/http-client.ts";

/** What a browser sends on behalf of a page, against what everything else sends. */

const LISTED = "https://dashboard.example";

const test = sharedServerTest({
  HTTP__ALLOWEDORIGINS: `${LISTED}, https://Other.Example:8443/`,
  HTTP__ALLOWEDHOSTS: "Gateway.lan",
}).extend("own", ({ server }) => new URL(server.url).host);

/** Whether a request with these headers may read, and whether it may change something. `own` is our host. */
type Row = readonly [what: string, headers: (own: string) => Record<string, string>, reads: boolean, writes: boolean];

const ROWS: readonly Row[] = [
  ["curl", () => ({}), true, true],
  ["curl with a referer", () => ({ referer: "https://evil.example/" }), true, true],
  ["a dashboard's server", () => ({ "content-type": "application/json", accept: "*/*" }), true, true],
  ["by whatever name, if no browser", () => ({ host: "evil.example" }), true, true],
  ["typed into the address bar", () => ({ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }), true, true],
  ["our own page", (own) => ({ "sec-fetch-site": "same-origin", origin: `http://${own}` }), true, true],
  ["our own page, an older browser", (own) => ({ origin: `http://${own}` }), true, true],
  ["our own page in capitals", (own) => ({ origin: `HTTP://${own}`, host: own }), true, true],
  ["our own page behind a proxy with TLS", () => ({ origin: "https://gateway.lan", host: "gateway.lan" }), true, true],
  ["our own page by localhost", () => ({ origin: "http://localhost:9081", host: "localhost:9081" }), true, true],
  ["our own page by IPv6", () => ({ origin: "http://[::1]:9081", host: "[::1]:9081" }), true, true],
  ["our own page by IPv6, port 80", () => ({ origin: "http://[fe80::1]", host: "[fe80::1]" }), true, true],
  ["another site", () => ({ "sec-fetch-site": "cross-site" }), true, false],
  [
    "another site with its origin",
    () => ({ "sec-fetch-site": "cross-site", origin: "https://evil.example" }),
    true,
    false,
  ],
  ["a sibling domain", () => ({ "sec-fetch-site": "same-site", origin: "https://evil.lan" }), true, false],
  ["a sibling domain without origin", () => ({ "sec-fetch-site": "same-site" }), true, false],
  ["another port of ours", () => ({ origin: "http://127.0.0.1:1" }), true, false],
  ["a name that begins as ours", (own) => ({ origin: `http://${own}.evil.example` }), true, false],
  ["a user part that looks like us", (own) => ({ origin: `http://${own}@evil.example` }), true, false],
  ["an origin with a path", (own) => ({ origin: `http://${own}/x` }), true, false],
  ["a sandboxed frame or a file", () => ({ origin: "null" }), true, false],
  ["an empty origin", () => ({ origin: "" }), true, false],
  ["an extension", () => ({ origin: "chrome-extension://abcdef" }), true, false],
  ["a fetch site that nobody knows", () => ({ "sec-fetch-site": "near" }), true, false],
  [
    "two contradicting headers",
    () => ({ "sec-fetch-site": "same-origin", origin: "https://evil.example" }),
    true,
    false,
  ],
  ["a listed origin", () => ({ "sec-fetch-site": "cross-site", origin: LISTED }), true, true],
  ["a listed origin in capitals", () => ({ origin: LISTED.toUpperCase() }), true, true],
  ["a listed origin, as browsers write it", () => ({ origin: "https://other.example:8443" }), true, true],
  ["a listed origin by another scheme", () => ({ origin: "http://dashboard.example" }), true, false],
  ["a listed origin by another port", () => ({ origin: `${LISTED}:444` }), true, false],
  ["a subdomain of a listed origin", () => ({ origin: "https://x.dashboard.example" }), true, false],
  [
    "rebinding: our page by a foreign name",
    () => ({ host: "evil.example", "sec-fetch-site": "same-origin" }),
    false,
    false,
  ],
  [
    "rebinding, with an origin",
    () => ({ host: "evil.example:9081", origin: "http://evil.example:9081" }),
    false,
    false,
  ],
  ["rebinding, address bar", () => ({ host: "evil.example", "sec-fetch-mode": "navigate" }), false, false],
  [
    "rebinding: looks like localhost",
    () => ({ host: "localhost.evil.example", "sec-fetch-dest": "empty" }),
    false,
    false,
  ],
  [
    "rebinding: looks like an address",
    () => ({ host: "127.0.0.1.evil.example", "sec-fetch-dest": "empty" }),
    false,
    false,
  ],
  ["a listed host", () => ({ host: "gateway.lan:9081", "sec-fetch-site": "same-origin" }), true, true],
  ["a listed host in capitals", () => ({ host: "GATEWAY.LAN", "sec-fetch-site": "same-origin" }), true, true],
];

describe.each(ROWS)("%s", (_, headersOf, reads, writes) => {
  test(`may ${reads ? "" : "not "}read`, async ({ server, own }) => {
    for (const method of ["GET", "HEAD"]) {
      const { status, text } = await send(`${server.url}/plugins/sources`, { method, headers: headersOf(own) });
      expect([method, status]).toEqual([method, reads ? 200 : 403]);
      if (!reads && method === "GET")
        expect(text).toMatch(/^a browser may not address this server as ".*"; list .*\n$/);
    }
  });

  test(`may ${writes ? "" : "not "}change anything`, async ({ server, own }) => {
    const changes = [
      { method: "POST", path: "/plugins/sources", allowed: 400 },
      { method: "DELETE", path: "/plugins/sources/none", allowed: 404 },
      { method: "DELETE", path: "/plugins/sources/none?restart=1", allowed: 404 },
      { method: "POST", path: "/", allowed: 200 },
    ];
    for (const { method, path, allowed } of changes) {
      const { status, text } = await send(server.url + path, { method, headers: headersOf(own) });
      expect([method, path, status]).toEqual([method, path, writes ? allowed : 403]);
      if (!writes) expect(text).toMatch(/^[^\n]*http\.allowed(Origins|Hosts)[^\n]*\n$/);
    }
    expect(server.restarts()).toBe(0);
  });
});

test("a form on another site does not install anything", async ({ host, server }) => {
  const file = host.serveZip({ type: "sources", name: "formed", script: "exit 0" });
  const { status, headers, text } = await send(`${server.url}/plugins/sources`, {
    method: "POST",
    headers: {
      "content-type": "text/plain",
      accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      origin: "https://evil.example",
      referer: "https://evil.example/page",
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
    // <form enctype="text/plain"> with one field, the name of which is the JSON up to a value that takes the "=".
    body: `{"name":"formed","file":"${file}","x":"="}\r\n`,
  });
  expect(status).toBe(403);
  expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(text).toBe(
    "a page of another site (https://evil.example) may not do this; list its origin in http.allowedOrigins to allow it\n",
  );
  expect(host.requests).toEqual([]);
});

test("a listed origin may install", async ({ host, server }) => {
  const file = host.serveZip({ type: "sources", name: "listed" });
  const headers = { origin: LISTED, "sec-fetch-site": "cross-site", "content-type": "application/json" };
  const answer = await send(`${server.url}/plugins/sources`, {
    method: "POST",
    headers,
    body: { name: "listed", file },
  });
  expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([201, LISTED]);
});

test("nothing that another site sends is shown as it is", async ({ server }) => {
  const headers = { origin: Buffer.from("https://\u0085\u009b31mevil").toString("latin1") };
  const { status, text } = await send(`${server.url}/`, { method: "POST", headers });
  expect(status).toBe(403);
  expect(text.slice(0, -1)).not.toMatch(/\p{Cc}/u);
});

test("a page of another site is refused before its body is read", async ({ server }) => {
  const headers = { origin: "https://evil.example" };
  const body = "x".repeat(3 * 1024 * 1024);
  const answer = await send(`${server.url}/plugins/sources`, { method: "POST", headers, body }).catch((error) => error);
  // The server answers before it has read; a client that is still sending may see that as a closed connection.
  if (answer instanceof Error) expect(answer).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
  else expect(answer.status).toBe(403);
  expect((await post(`${server.url}/plugins/sources`, "{}"))[0]).toBe(400);
});
