import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** What a browser asks before it lets a page's script send a request, and before it shows the script the answer. */

const LISTED = "https://dashboard.example";

const test = sharedServerTest({ HTTP__ALLOWEDORIGINS: `[ "https://Dashboard.example/" ]` }).extend(
  "preflight",
  ({ server }) =>
    (path: string, origin: string, method: string) => {
      return send(server.url + path, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": method,
          "access-control-request-headers": "content-type",
          "sec-fetch-site": "cross-site",
          "sec-fetch-mode": "cors",
        },
      });
    },
);

describe.each([
  ["/plugins/sources", "POST"],
  ["/plugins/sources/random", "DELETE"],
  ["/plugins/sources/random?restart=1", "DELETE"],
  ["/plugins/sources/random", "PUT"],
  ["/config/uploads", "POST"],
  ["/plugins/sinks/", "GET"],
])("a preflight for %s (%s)", (path, method) => {
  test("of a listed origin is granted", async ({ preflight }) => {
    const { status, headers, text } = await preflight(path, LISTED, method);
    expect([status, text]).toEqual([204, ""]);
    expect(headers).toMatchObject({
      "access-control-allow-origin": LISTED,
      "access-control-allow-headers": "content-type",
      "access-control-max-age": "600",
    });
    expect(headers["access-control-allow-methods"]?.split(", ")).toContain(method);
    expect(headers.vary).toMatch(/Origin/);
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test.for(["https://evil.example", "null", "http://dashboard.example", "https://dashboard.example.evil"])(
    "of %s is not",
    async (origin, { preflight }) => {
      const { headers } = await preflight(path, origin, method);
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
    },
  );
});

describe("an answer", () => {
  test.for([
    ["a list", "/plugins/sources", 200],
    ["a refusal", "/plugins/sources/none", 404],
    ["an unknown path", "/nowhere", 404],
  ])("may be read by a listed origin alone: %s", async ([_, path, status], { server }) => {
    const listed = await send(server.url + path, { headers: { origin: LISTED } });
    expect([listed.status, listed.headers["access-control-allow-origin"]]).toEqual([status, LISTED]);

    const other = await send(server.url + path, { headers: { origin: "https://evil.example" } });
    expect([other.status, other.headers["access-control-allow-origin"]]).toEqual([status, undefined]);
    expect(other.headers.vary).toMatch(/Origin/); // or a cache would hand out the other answer

    const none = await send(server.url + path);
    expect(none.headers["access-control-allow-origin"]).toBeUndefined();
  });
});

test("OPTIONS that is no preflight says what is allowed", async ({ server }) => {
  const { status, headers } = await send(`${server.url}/plugins/sources`, { method: "OPTIONS" });
  expect([status, headers.allow]).toEqual([204, "GET, HEAD, OPTIONS, POST"]);
});
