import { describe, expect } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { addressRule } from "../../src/lib/addresses.ts";
import { serverTest, sharedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** A reverse proxy that passes on Origin and Host: the tests' client is at 127.0.0.1, as the proxy would be. */

const SITE = "https://gateway.example";
const HOST = { host: "gateway.example", origin: SITE, "sec-fetch-site": "same-origin" };

type Row = readonly [what: string, headers: Record<string, string>, reads: boolean, writes: boolean];

const forwarded = (host: string, proto = "https") => ({ "x-forwarded-host": host, "x-forwarded-proto": proto });

const ROWS: readonly Row[] = [
  ["the site that the proxy names", { ...HOST, ...forwarded("gateway.example") }, true, true],
  ["in capitals", { ...HOST, ...forwarded("GateWay.Example", "HTTPS") }, true, true],
  ["with the usual port", { ...HOST, ...forwarded("gateway.example:443") }, true, true],
  ["with another port", { ...HOST, origin: `${SITE}:8443`, ...forwarded("gateway.example:8443") }, true, true],
  ["a proxy that rewrites Host", { ...HOST, host: "127.0.0.1:9081", ...forwarded("gateway.example") }, true, true],
  ["a proxy that passes on Host and names the scheme", { ...HOST, "x-forwarded-proto": "https" }, true, true],
  ["a proxy that names the host alone", { ...HOST, "x-forwarded-host": "gateway.example" }, true, true],
  ["the last of a list", { ...HOST, ...forwarded("evil.example, gateway.example", "http, https") }, true, true],
  ["no proxy", HOST, false, false],
  ["another scheme", { ...HOST, origin: "http://gateway.example", ...forwarded("gateway.example") }, true, false],
  ["another port, unsaid", { ...HOST, origin: `${SITE}:8443`, ...forwarded("gateway.example") }, true, false],
  ["another site", { ...HOST, origin: "https://evil.example", ...forwarded("gateway.example") }, true, false],
  ["the first of a list", { ...HOST, ...forwarded("gateway.example, inner.example") }, true, false],
  [
    "the page's own Host, where the proxy names another",
    { origin: "http://127.0.0.1:9081", host: "127.0.0.1:9081", ...forwarded("gateway.example") },
    true,
    false,
  ],
  [
    "cross-site by the browser's own word",
    { ...HOST, "sec-fetch-site": "cross-site", ...forwarded("gateway.example") },
    true,
    false,
  ],
  ["what is no host", { ...HOST, ...forwarded("gateway.example/x") }, false, false],
  ["a user part", { ...HOST, ...forwarded("x@gateway.example") }, false, false],
  ["an empty name", { ...HOST, ...forwarded("gateway.example,") }, true, true], // Host is passed on
  ["a null origin", { ...HOST, origin: "null", ...forwarded("gateway.example") }, true, false],
];

const trusting = sharedServerTest({ HTTP__TRUSTEDPROXIES: "10.0.0.0/8, 127.0.0.1" });

describe.each(ROWS)("from a trusted proxy: %s", (_, headers, reads, writes) => {
  trusting(`reads ${reads}, writes ${writes}`, async ({ server }) => {
    const read = await send(`${server.url}/plugins/sources`, { headers });
    const write = await send(`${server.url}/plugins/sources/none`, { method: "DELETE", headers });
    expect([read.status, write.status]).toEqual([reads ? 200 : 403, writes ? 404 : 403]);
  });
});

serverTest({ HTTP__TRUSTEDPROXIES: "10.0.0.0/8, ::1" })("from elsewhere nothing of it counts", async ({ server }) => {
  for (const headers of ROWS.map(([, one]) => one).filter(({ host }) => host === "gateway.example")) {
    expect((await send(`${server.url}/plugins/sources`, { headers })).status).toBe(403);
  }
});

describe("addresses and blocks", () => {
  const isIn = addressRule(["10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1"]);
  trusting.for([
    ["10.255.0.1", true],
    ["::ffff:10.1.2.3", true],
    ["11.0.0.1", false],
    ["127.0.0.1", true],
    ["127.0.0.2", false],
    ["fd12::1", true],
    ["fe80::1", false],
    ["::1", true],
    ["", false],
    [undefined, false],
    ["localhost", false],
  ] as const)("%s: %s", ([address, expected]) => expect(isIn(address)).toBe(expected));

  trusting.for(["proxy.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129", "fe80::1%eth0", "*", "10.0.0.1-2"])(
    "%s is refused in one line",
    (item) => {
      const load = () => loadConfig("/nowhere/kuiper.yaml", { KUIPER__HTTP__TRUSTEDPROXIES: `127.0.0.1, ${item}` });
      expect(load).toThrow(ConfigError);
      expect(load).toThrow(
        /^environment variable KUIPER__HTTP__TRUSTEDPROXIES is "127\.0\.0\.1, .*"; allowed is a list of IP addresses and blocks of them, such as .*$/,
      );
    },
  );
});
