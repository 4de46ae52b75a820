import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";

/** Names in a URL: none but that of an installed plugin leads anywhere. */

const test = sharedServerTest().extend("before", { scope: "file", auto: true }, async ({ server, host }) => {
  const file = host.serveZip({ type: "sources", name: "random" });
  expect((await post(`${server.url}/plugins/sources`, { name: "random", file }))[0]).toBe(201);
  return snapshot(server.base);
});

test("a name may be percent-encoded", async ({ server }) => {
  expect((await ask(`${server.url}/plugins/sources/%72andom`))[1]).toMatch(/^\{"name":"random"/);
});

const NAMES: readonly (readonly [encoded: string, shown: string])[] = [
  ["%2e%2e", ".."],
  ["..%2F..%2Fetc", "../../etc"],
  ["%2Fetc%2Fpasswd", "/etc/passwd"],
  ["Random", "Random"],
  ["%20random%20", " random "],
  ["random%00", "random\\u0000"],
  ["a%0Ab", "a\\u000ab"],
  ["a%E2%80%AEb", "a\\u202eb"],
  ["%1b[31mred", "\\u001b[31mred"],
  ["a.b", "a.b"],
  ["a(b", "a(b"],
  ["caf%C3%A9", "café"],
  ["%F0%9F%98%80", "😀"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["prebuild_", "prebuild_"],
  ["$deleted", "$deleted"],
  ["registry.json", "registry.json"],
  [".changes", ".changes"],
  ["%25", "%"],
  ["a+b", "a+b"],
  ["a;b=c", "a;b=c"],
  ["n".repeat(12_000), `${"n".repeat(200)}…`],
];

describe.each(NAMES.map((row) => [row[0].slice(0, 40), ...row] as const))("%s", (_, encoded, shown) => {
  test("is not described", async ({ server }) => {
    const { status, headers, text } = await send(`${server.url}/plugins/sources/${encoded}`);
    expect([status, headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
    expect(text).toBe(`describe sources plugin ${shown} error: not found\n`);
  });

  test("is not deleted", async ({ server, before }) => {
    const [status, text] = await ask(`${server.url}/plugins/sources/${encoded}`, { method: "DELETE" });
    expect(status).toBe(404);
    expect(text).toBe(`delete sources plugin ${shown} error: invalid name ${shown}: not exist\n`);
    expect(await snapshot(server.base)).toEqual(before);
  });
});

describe.each(["%", "%zz", "%c3", "%E2%82", "abc%2", "%ff"])("the broken encoding %s", (encoded) => {
  test.for(["GET", "DELETE", "PATCH", "HEAD"])("is refused: %s", async (method, { server }) => {
    const { status, headers, text } = await send(`${server.url}/plugins/sources/${encoded}`, { method });
    expect([status, headers["content-type"]]).toEqual([400, "text/plain; charset=utf-8"]);
    expect(text).toMatch(method === "HEAD" ? /^$/ : /^[^\n{}]+\n$/);
  });

  test("is refused in JSON where a client asks for it", async ({ server }) => {
    const { status, text } = await send(`${server.url}/plugins/sources/${encoded}`, {
      headers: { accept: "application/json" },
    });
    expect([status, JSON.parse(text)]).toEqual([400, { error: "REQUEST_INVALID", message: expect.any(String) }]);
  });
});
