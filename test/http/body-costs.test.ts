import { describe, expect } from "vitest";
import { serverTest, stoppedServerTest } from "../support/fixtures.ts";
import { ask, post } from "../support/http-client.ts";
import { type OpenRequest, openRequest } from "../support/open-request.ts";

/** Bodies that cost more than their bytes: see docs/reliability.md for how much. */

const MiB = 1024 * 1024;

describe("http.maxBodyValues", () => {
  const test = serverTest({ HTTP__MAXBODYVALUES: "1000" });
  const many = (count: number, toText: (index: number) => string) =>
    Array.from({ length: count }, (_, at) => toText(at));

  test.for<[what: string, body: string]>([
    ["items", `{"x":[${many(1001, String)}]}`],
    ["lists", `{"x":[${many(500, () => "[]")}]}`],
    ["fields", `{${many(1001, (at) => `"key${at}":0`)}}`],
    ["fields of one name", `{${many(1001, () => `"name":0`)}}`],
    ["values of broken JSON", `{"x":[${many(1001, String)}`],
  ])("%s", async ([_, body], { server }) => {
    const [status, text] = await post(`${server.url}/plugins/sinks`, body);
    expect([status, text]).toEqual([
      413,
      expect.stringMatching(/the body has more than 1000 values \(http\.maxBodyValues\)\n$/),
    ]);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

  test("of a list in a form's field too", async ({ server }) => {
    const list = `[${many(1001, () => `"x"`)}]`;
    const body = `--b\r\nContent-Disposition: form-data; name="functions"\r\n\r\n${list}\r\n--b--\r\n`;
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    const [status, text] = await ask(`${server.url}/plugins/functions`, { method: "POST", headers, body });
    expect([status, text]).toEqual([413, expect.stringContaining("http.maxBodyValues")]);
  });

  test("what is in strings does not count", async ({ server }) => {
    const body = JSON.stringify({ name: "a", content: '[[{,"\\'.repeat(MiB / 100) });
    expect((await post(`${server.url}/config/uploads`, body))[0]).toBe(201);
  });
});

describe("http.maxBodyBytesInMemory", () => {
  const test = stoppedServerTest.extend("open", ({ server }, { onCleanup }) => {
    const opened: OpenRequest[] = [];
    onCleanup(() => {
      for (const request of opened) request.destroy();
    });
    return async (path: string, beginning: string, headers: Record<string, string> = {}) => {
      const request = openRequest(server.url + path, { "content-length": String(MiB), ...headers });
      opened.push(request);
      await request.write(beginning);
      return request;
    };
  });

  const busy = expect.stringMatching(/all request bodies together would have more than .*maxBodyBytesInMemory/);

  test.for<[what: string, path: string, beginning: string, headers?: Record<string, string>]>([
    ["JSON", "/plugins/sinks", `{"name":"${"x".repeat(600_000)}`],
    [
      "a form",
      "/config/uploads",
      `--b\r\nContent-Disposition: form-data; name="content"\r\n\r\n${"x".repeat(600_000)}`,
      { "content-type": "multipart/form-data; boundary=b" },
    ],
  ])("is for all clients together: %s", async ([_, path, beginning, headers], { server, open }) => {
    await server.start({ HTTP__MAXBODYBYTESINMEMORY: String(MiB) });
    const bodies = await Promise.all([open(path, beginning, headers), open(path, beginning, headers)]);
    // Whichever came second is refused at once; the first goes on.
    const refused = await Promise.race(bodies.map(({ answer }) => answer));
    expect(refused).toEqual(expect.objectContaining({ status: 503, text: busy }));
    expect(bodies.filter((body) => body.isAnswered())).toHaveLength(1);
    // Small ones and reads are for everybody.
    expect((await post(`${server.url}/config/uploads`, { name: "a", content: "small" }))[0]).toBe(201);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    const large = { name: "b", content: "x".repeat(600_000) };
    expect((await post(`${server.url}/config/uploads`, large))[0]).toBe(503);
    for (const body of bodies) body.destroy();
    await expect
      .poll(async () => (await post(`${server.url}/config/uploads`, large))[0], { timeout: 30_000 })
      .toBe(201);
  });

  test("a body gives its bytes back when it is answered", async ({ server }) => {
    await server.start({ HTTP__MAXBODYBYTESINMEMORY: String(MiB) });
    const large = "x".repeat(900_000);
    for (let round = 0; round < 4; round += 1) {
      expect((await post(`${server.url}/config/uploads`, { name: "a", content: large }))[0]).toBe(201);
      expect((await post(`${server.url}/plugins/sinks`, { name: large }))[0]).toBe(400);
      expect((await post(`${server.url}/plugins/sinks`, large))[0]).toBe(400);
      expect((await post(`${server.url}/plugins/functions/x/register`, { functions: [large] }))[0]).not.toBe(503);
      expect((await post(`${server.url}/nowhere`, large))[0]).toBe(404);
    }
  });
});

describe("a body in very many tiny pieces", () => {
  const test = serverTest();
  const HEAD = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n";

  test.for<[what: string, path: string, beginning: string, headers?: Record<string, string>]>([
    ["JSON", "/plugins/sinks", "{"],
    ["a form", "/config/uploads", HEAD, { "content-type": "multipart/form-data; boundary=b" }],
    ["a zip", "/config/uploads?name=a", "PK\x03\x04", { "content-type": "application/zip" }],
  ])("is refused: %s", async ([_, path, beginning, headers], { server }) => {
    const request = openRequest(server.url + path, { "transfer-encoding": "chunked", ...headers });
    await request.write(beginning);
    for (let count = 0; count < 60_000 && !request.isAnswered(); count += 1) await request.write("x");
    const { status, text } = await request.answer;
    expect([status, text]).toEqual([400, expect.stringContaining("pieces of less than 16 bytes on average")]);
    request.destroy();
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });
});
