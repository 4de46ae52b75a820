import { describe, expect } from "vitest";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";

/** How much text one request may bring, and all requests that wait together. */

const test = serverTest();

const URI = "http://127.0.0.1:9/";
const INSTALL = "Invalid body: Error decoding the functions plugin json: ";
const ARGUMENTS = "at most 1000 strings of at most 131071 bytes, 262144 together";
const NAMES = "at most 1000 names of at most 255 characters";

describe("what is larger is refused at once, and says what may be", () => {
  test.for<[what: string, path: string, body: object, refusal: string]>([
    [
      "an address",
      "/plugins/functions",
      { name: "x", file: URI + "x".repeat(8192) },
      `${INSTALL}field file should have at most 8192 characters`,
    ],
    [
      "arguments",
      "/plugins/functions",
      { shellParas: Array(10_000).fill("") },
      `${INSTALL}field shellParas should have ${ARGUMENTS}`,
    ],
    [
      "an argument",
      "/plugins/functions",
      { shellParas: ["x".repeat(131_072)] },
      `${INSTALL}field shellParas should have ${ARGUMENTS}`,
    ],
    [
      "an argument in bytes",
      "/plugins/functions",
      { name: "x", file: `${URI}x.zip`, shellParas: ["ü".repeat(65_536)] },
      `${INSTALL}field shellParas should have ${ARGUMENTS}`,
    ],
    [
      "all arguments",
      "/plugins/functions",
      { name: "x", file: `${URI}x.zip`, shellParas: Array(3).fill("x".repeat(100_000)) },
      `${INSTALL}field shellParas should have ${ARGUMENTS}`,
    ],
    [
      "functions",
      "/plugins/functions",
      { functions: Array(10_000).fill("a") },
      `${INSTALL}field functions should have ${NAMES}`,
    ],
    [
      "a function",
      "/plugins/functions",
      { functions: ["x".repeat(256)] },
      `${INSTALL}field functions should have ${NAMES}`,
    ],
    [
      "functions to register",
      "/plugins/functions/x/register",
      { functions: Array(10_000).fill("a") },
      `Invalid body: Error decoding the function list json: field functions should have ${NAMES}`,
    ],
    [
      "a version",
      "/plugins/functions/x/rollback",
      { version: "1".repeat(256) },
      "Invalid body: Error decoding the rollback json: field version should have at most 255 characters",
    ],
    [
      "the address of an upload",
      "/config/uploads",
      { name: "x", file: URI + "x".repeat(8192) },
      "Invalid body: field file should have at most 8192 characters",
    ],
  ])("%s", async ([_, path, body, refusal], { server }) => {
    expect(await post(`${server.url}${path}`, body)).toEqual([400, `${refusal}\n`]);
  });

  test("ten thousand numbers are one error", async ({ server }) => {
    const [status, text] = await post(`${server.url}/plugins/functions/x/register`, {
      functions: Array(10_000).fill(1),
    });
    expect([status, text]).toEqual([400, expect.stringContaining("field functions should have at most 1000 names")]);
  });

  test.for([
    ["shellParas", Array(340_000).fill("")],
    ["functions", Array(130_000).fill("a")],
    ["functions", Array(500_000).fill(1)],
  ] as const)("a megabyte of %s is refused before it is parsed", async ([field, values], { server }) => {
    const [status, text] = await post(`${server.url}/plugins/functions`, { [field]: values });
    expect([status, text]).toEqual([413, expect.stringContaining("http.maxBodyValues")]);
  });

  test("the largest that is taken is an address of 8192 characters", async ({ server }) => {
    const file = `${URI}${"x".repeat(8192 - URI.length - 4)}.zip`;
    const [status, text] = await post(`${server.url}/plugins/functions`, { name: "x", file });
    expect([status, text.length < 3000]).toEqual([400, true]);
    expect(text).toMatch(
      /^functions plugins create command error: fail to download file http:\/\/127\.0\.0\.1:9\/x+…: /,
    );
  });
});

test("changes.maxQueuedBytes bounds what waits, and reads go on", async ({ server, host }) => {
  await server.start({ CHANGES__MAXCONCURRENT: "1", CHANGES__MAXQUEUEDBYTES: String(2 * 1024 * 1024) });
  const held = host.holdZip({ type: "sinks", name: "held" });
  const first = post(`${server.url}/plugins/sinks`, { name: "held", file: held.url });
  await held.asked;
  const file = host.url("/none.zip");
  const shellParas = Array(2).fill("x".repeat(131_071)); // about half a megabyte
  const order = (name: string, body: object = { shellParas }) =>
    send(`${server.url}/plugins/sinks`, {
      method: "POST",
      headers: { prefer: "respond-async" },
      body: { name, file, ...body },
    });
  const statuses = [];
  for (const name of ["a", "b", "c", "d", "e"]) statuses.push((await order(name)).status);
  expect(statuses).toEqual([202, 202, 202, 503, 503]);
  expect((await order("f")).text).toBe(
    "sinks plugins create command error: the requests that wait for their turn would hold more bytes than " +
      "changes.maxQueuedBytes (2097152) allows; try again later\n",
  );
  expect((await order("small", {})).status).toBe(202);
  expect((await ask(`${server.url}/plugins/sinks`))[0]).toBe(200);
  held.release();
  expect((await first)[0]).toBe(201);
});
