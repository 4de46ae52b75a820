import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";

/** The engine reads its folder once, on startup: the reply to a change says that it has to be restarted. */

const ORIGIN = "https://dashboard.example";
const test = sharedServerTest({ HTTP__ALLOWEDORIGINS: ORIGIN });

describe("Plugin-Activation: restart-required is in the reply to", () => {
  test("a create, an update and a rollback, and in no other", async ({ host, server }) => {
    const url = `${server.url}/plugins/sinks`;
    const body = (version: string) => ({
      name: "random",
      file: host.serveZip({ type: "sinks", name: "random", version }),
    });
    const calls = [
      ["POST", url, () => body("1.0.0"), 201, "restart-required"],
      ["PUT", `${url}/random`, () => body("2.0.0"), 200, "restart-required"],
      ["POST", `${url}/random/rollback`, () => ({}), 200, "restart-required"],
      ["GET", `${url}/random`, () => undefined, 200, undefined],
      ["POST", `${url}/inspect`, () => body("1.0.0"), 200, undefined],
      ["POST", url, () => body("1.0.0"), 400, undefined],
    ] as const;
    for (const [method, address, sent, status, activation] of calls) {
      const content = sent();
      const reply = await send(address, { method, ...(content && { body: content }) });
      expect([method, address, reply.status, reply.headers["plugin-activation"]]).toEqual([
        method,
        address,
        status,
        activation,
      ]);
    }
  });

  test("a change that a job makes, as a header of its result", async ({ host, server }) => {
    const body = { name: "asked", file: host.serveZip({ type: "sinks", name: "asked" }) };
    const headers = { prefer: "respond-async, wait=60" };
    const reply = await send(`${server.url}/plugins/sinks`, { method: "POST", body, headers });
    expect([reply.status, reply.headers["plugin-activation"]]).toEqual([201, "restart-required"]);
    const [job] = JSON.parse((await send(`${server.url}/jobs`)).text);
    expect(job.result.headers).toMatchObject({ "plugin-activation": "restart-required" });
  });

  test("and a listed web page may read it", async ({ server }) => {
    const { headers } = await send(`${server.url}/plugins/sinks`, { headers: { origin: ORIGIN } });
    expect(headers["access-control-expose-headers"]?.split(", ")).toContain("Plugin-Activation");
  });
});
