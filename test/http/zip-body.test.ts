import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, type RequestOptions, send } from "../support/http-client.ts";
import { openRequest } from "../support/open-request.ts";
import { pluginZip } from "../support/plugin-zip.ts";

/** A zip as the body of a create, with the other fields in the query. */

const sha256Of = (zip: Buffer) => createHash("sha256").update(zip).digest("hex");
const PREFIX = "sinks plugins create command error: ";

let count = 0;
const test = sharedServerTest({ UPLOADS__MAXBYTES: "2000000" })
  .extend("pluginName", () => {
    count += 1;
    return `plugin${count}`;
  })
  .extend("zip", ({ pluginName: name }) => pluginZip({ type: "sinks", name }))
  .extend(
    "create",
    ({ server }) =>
      (query: string, body: RequestOptions["body"], type?: string): Promise<[number, string]> => {
        const headers = type === undefined ? {} : { "content-type": type };
        return ask(`${server.url}/plugins/sinks${query}`, {
          method: "POST",
          headers,
          ...(body === undefined ? {} : { body }),
        });
      },
  )
  .extend("incoming", ({ server }) => async (): Promise<string[]> => {
    return (await server.files()).filter((path) => path.startsWith("plugins/.incoming/") && !path.endsWith("/"));
  });

describe("a zip is taken", () => {
  test.for([
    "application/zip",
    "application/x-zip-compressed",
    "application/x-zip",
    "Application/ZIP; x=y",
    "application/octet-stream",
    "application/x-www-form-urlencoded", // curl --data-binary @random.zip
    "application/json",
    undefined,
  ])("announced as %j", async (type, { create, pluginName: name, zip, incoming, server }) => {
    expect(await create(`?name=${name}`, zip, type)).toEqual([201, `sinks plugin ${name} is created`]);
    expect(await incoming()).toEqual([]);
    const description = JSON.parse((await ask(`${server.url}/plugins/sinks/${name}`))[1]);
    const sha256 = createHash("sha256").update(zip).digest("hex");
    expect(description).toMatchObject({ name, version: "1.0.0", origin: "upload", sha256, bytes: zip.length });
  });

  test("in chunks", async ({ zip, server, pluginName: name }) => {
    const options = { method: "POST", body: zip, chunked: true, headers: { "content-type": "application/zip" } };
    expect((await ask(`${server.url}/plugins/sinks?name=${name}`, options))[0]).toBe(201);
  });

  test("cut into single bytes", async ({ server, pluginName: name, zip }) => {
    const request = openRequest(`${server.url}/plugins/sinks?name=${name}`, {});
    for (const byte of zip.subarray(0, 20)) await request.write(Buffer.of(byte));
    request.end(zip.subarray(20));
    expect((await request.answer).status).toBe(201);
  });

  test("as an update", async ({ create, pluginName: name, zip, server, incoming }) => {
    await create(`?name=${name}`, zip);
    const body = pluginZip({ type: "sinks", name, version: "2.0.0" });
    const url = `${server.url}/plugins/sinks/${name}`;
    expect((await ask(url, { method: "PUT", headers: { "content-type": "application/zip" }, body }))[0]).toBe(200);
    expect((await ask(url))[1]).toContain('"version":"2.0.0"');
    expect(await incoming()).toEqual([]);
  });

  test("as an inspection", async ({ server, pluginName: name, zip, incoming }) => {
    const answer = await ask(`${server.url}/plugins/sinks/inspect?name=${name}`, { method: "POST", body: zip });
    expect(answer[0]).toBe(200);
    expect((await ask(`${server.url}/plugins/sinks/${name}`))[0]).toBe(404);
    expect(await incoming()).toEqual([]);
  });

  test("as a job", async ({ server, pluginName: name, zip, incoming }) => {
    const headers = { prefer: "respond-async" };
    const answer = await send(`${server.url}/plugins/sinks?name=${name}`, { method: "POST", headers, body: zip });
    expect(answer.status).toBe(202);
    const events = await ask(`${server.url}${answer.headers.location}/events`);
    expect(events[1]).toContain('"status":201');
    expect(await incoming()).toEqual([]);
  });
});

test("keys of the query are accepted in any case; lists are repeated; unknown keys are ignored", async ({
  pluginName: name,
  create,
}) => {
  const script = 'printf "%s|" "$@" > "$(dirname "$0")/../said"; echo "said: $*" >&2; exit 3';
  const body = pluginZip({ type: "sinks", name, script });
  const [status, text] = await create(`?NAME=${name}&shellparas=-a&ShellParas=b%20c&comment=x&__proto__=y`, body);
  expect(status).toBe(400);
  expect(text).toContain("said: -a b c");
});

describe("checksum", () => {
  test.for<[string, (sum: string) => string]>([
    ["lower case", (sum) => sum],
    ["upper case", (sum) => sum.toUpperCase()],
    ["as registries write it", (sum) => `sha256:${sum}`],
  ])("%s", async ([_, write], { create, pluginName: name, zip, server }) => {
    expect((await create(`?name=${name}&sha256=${write(sha256Of(zip))}`, zip))[0]).toBe(201);
    const description = JSON.parse((await ask(`${server.url}/plugins/sinks/${name}`))[1]);
    expect(description.verified).toEqual({ sha256: true });
  });

  test("of another zip is refused", async ({ create, pluginName: name, zip, incoming }) => {
    const [status, text] = await create(`?name=${name}&sha256=${"0".repeat(64)}`, zip);
    expect([status, text]).toEqual([400, expect.stringContaining(sha256Of(zip))]);
    expect(await incoming()).toEqual([]);
  });

  test.for(["", "abc", `${"0".repeat(63)}g`, `md5:${"0".repeat(64)}`])(
    "that is none is never ignored: %j",
    async (given, { create, pluginName: name, zip }) => {
      const refusal = `${PREFIX}field sha256 should be 64 hexadecimal digits\n`;
      expect(await create(`?name=${name}&sha256=${given}`, zip)).toEqual([400, refusal]);
      const json = { name, file: "http://127.0.0.1:1/x.zip", sha256: given };
      expect((await create("", json))[1]).toContain("field sha256 should be 64 hexadecimal digits");
    },
  );
});

test("a signature with pluses that were not encoded is read all the same", async ({
  create,
  pluginName: name,
  zip,
}) => {
  const [status, text] = await create(`?name=${name}&signature=${"ab+/".repeat(20)}==`, zip);
  expect([status, text]).toEqual([400, expect.not.stringContaining("field signature")]);
  expect(await create(`?name=${name}&signature=${encodeURIComponent("ä")}`, zip)).toEqual([
    400,
    `${PREFIX}field signature should be base64 of at most 16384 letters\n`,
  ]);
});

describe("what is refused leaves nothing", () => {
  test.for<
    [
      string,
      (given: { pluginName: string; zip: Buffer }) => [query: string, body: Buffer, type?: string],
      status: number,
      sentence: string | RegExp,
    ]
  >([
    ["no name", ({ zip }) => ["", zip, "application/zip"], 400, "invalid name : should not be empty"],
    ["no name, no type", ({ zip }) => ["", zip], 400, "invalid name : should not be empty"],
    ["a wrong name", ({ zip }) => ["?name=../x", zip, "application/zip"], 400, /^invalid name \.\.\/x: should begin/],
    [
      "NUL in a parameter",
      ({ pluginName: name, zip }) => [`?name=${name}&shellParas=a%00b`, zip],
      400,
      /^field shellParas should be a list/,
    ],
    ["no zip", ({ pluginName: name }) => [`?name=${name}`, Buffer.from("hello world"), "application/zip"], 400, /zip/],
    ["nothing", ({ pluginName: name }) => [`?name=${name}`, Buffer.alloc(0), "application/zip"], 400, /zip/],
    ["cut off", ({ pluginName: name, zip }) => [`?name=${name}`, zip.subarray(0, -30)], 400, /zip/],
    [
      "too large",
      ({ pluginName: name }) => [`?name=${name}`, Buffer.alloc(2_000_001), "application/zip"],
      413,
      "the body has 2000001 bytes, more than uploads.maxBytes (2000000) allows",
    ],
  ])("%s", async ([_, given, status, sentence], { server, create, incoming, pluginName: name, zip }) => {
    const before = await snapshot(server.base);
    const [actual, text] = await create(...given({ pluginName: name, zip }));
    expect([actual, text]).toEqual([status, expect.stringMatching(`^${PREFIX}`)]);
    const reason = text.slice(PREFIX.length, -1);
    if (typeof sentence === "string") expect(reason).toBe(sentence);
    else expect(reason).toMatch(sentence);
    expect(await incoming()).toEqual([]);
    expect(
      Object.keys(await snapshot(server.base)).filter((path) => !(path in before) && path !== "plugins/.incoming/"),
    ).toEqual([]);
  });

  test("too large, in chunks", async ({ server, pluginName: name, incoming }) => {
    const options = { method: "POST", body: Buffer.alloc(2_100_000), chunked: true };
    const headers = { "content-type": "application/zip" };
    const answer = await ask(`${server.url}/plugins/sinks?name=${name}`, { ...options, headers });
    expect(answer).toEqual([413, `${PREFIX}it has more bytes than uploads.maxBytes (2000000) allows\n`]);
    expect(await incoming()).toEqual([]);
  });

  test("a name that is taken", async ({ create, pluginName: name, zip, incoming }) => {
    await create(`?name=${name}`, zip);
    expect(await create(`?name=${name}`, zip)).toEqual([400, `${PREFIX}invalid name ${name}: duplicate\n`]);
    expect(await incoming()).toEqual([]);
  });

  test("no token", async ({ startServer, pluginName: name, zip }) => {
    const closed = await startServer({ BASIC__AUTHENTICATION: "true" });
    const headers = { "content-type": "application/zip" };
    const answer = await ask(`${closed.url}/plugins/sinks?name=${name}`, { method: "POST", headers, body: zip });
    expect(answer[0]).toBe(401);
    expect((await closed.files()).filter((path) => path.includes(".incoming"))).toEqual([]);
  });
});

test("JSON that is announced as a zip is JSON, unless the query has a name", async ({ pluginName: name, create }) => {
  const order = { name, file: "x" };
  for (const body of [JSON.stringify(order), ` \r\n${JSON.stringify(order)}`, `\ufeff${JSON.stringify(order)}`]) {
    expect(await create("", Buffer.from(body), "application/zip")).toEqual([
      400,
      `${PREFIX}invalid uri x: it has no scheme; it should begin with http://, https:// or file:///\n`,
    ]);
  }
  const [status, text] = await create(`?name=${name}`, order, "application/zip");
  expect([status, text]).toEqual([400, expect.stringContaining("zip")]);
});

test("the name in the query means nothing to a body of JSON", async ({ create, pluginName: name }) => {
  expect(await create("?name=other", { name, file: "x" })).toEqual([
    400,
    `${PREFIX}invalid uri x: it has no scheme; it should begin with http://, https:// or file:///\n`,
  ]);
});
