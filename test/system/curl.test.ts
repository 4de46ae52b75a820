import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { makeCertificate } from "../support/file-server.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { run } from "./programs.ts";

/** The calls that operators make today, with the real curl. */

const CREATED = "sources plugin random is created";
const DELETED = "sources plugin random is deleted and Kuiper must restart for the change to take effect.";

let folder: string;
let url: string;
let order: string;

beforeEach(async () => {
  folder = await tempFolder();
  url = `${await startServer({})}/plugins/sources`;
  const zip = await writePluginZip(folder, { type: "sources", name: "random" });
  order = JSON.stringify({ name: "random", file: `file://${zip}` });
});

async function startServer(settings: Record<string, string>, base = folder): Promise<string> {
  const server = new ServerProcess({ base, settings });
  onTestFinished(() => server.dispose());
  return server.url();
}

/** Status and text of an answer. */
async function curl(...args: string[]): Promise<[status: number, text: string]> {
  const { stdout, stderr } = await run(["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", ...args]);
  expect(stderr).toBe("");
  const end = stdout.lastIndexOf("\n");
  return [Number(stdout.slice(end + 1)), stdout.slice(0, end)];
}

test("-d announces a form and sends JSON", async () => {
  expect(await curl("-d", order, url)).toEqual([201, CREATED]);
});

test("-X DELETE with a content type and no body", async () => {
  await curl("-d", order, url);
  expect(await curl("-X", "DELETE", "-H", "Content-Type: application/json", `${url}/random`)).toEqual([200, DELETED]);
  expect(await curl(`${url}/random`)).toEqual([404, "describe sources plugin random error: not found\n"]);
});

test("--data @file", async () => {
  const file = join(folder, "order.json");
  await writeFile(file, order.replace(",", ",\n  "));
  expect(await curl("--data", `@${file}`, url)).toEqual([201, CREATED]);
});

test("-T sends a body without a content type; without -X POST it is a PUT", async () => {
  const file = join(folder, "order.json");
  await writeFile(file, order);
  expect(await curl("-T", file, url)).toEqual([405, ""]);
  expect(await curl("-X", "POST", "-T", file, url)).toEqual([201, CREATED]);
});

test.each([
  ["no content type", ["-H", "Content-Type:"]],
  ["JSON", ["-H", "Content-Type: application/json"]],
  ["JSON with a charset", ["-H", "Content-Type: application/json; charset=UTF-8"]],
  ["a text", ["-H", "Content-Type: text/plain"]],
  ["HTTP/1.0", ["--http1.0"]],
  ["chunks", ["-H", "Transfer-Encoding: chunked"]],
  ["a compressed answer wanted", ["--compressed"]],
])("create: %s", async (_, args) => {
  expect(await curl(...args, "-d", order, url)).toEqual([201, CREATED]);
});

test("a slash at the end", async () => {
  expect(await curl("-d", order, `${url}/`)).toEqual([201, CREATED]);
});

test("a larger body after Expect: 100-continue", async () => {
  const large = JSON.stringify({ ...JSON.parse(order), comment: "x".repeat(4096) });
  const { stdout, stderr } = await run(["curl", "-v", "-H", "Expect: 100-continue", "-d", large, url]);
  expect(stderr).toContain("HTTP/1.1 100 Continue");
  expect(stdout).toBe(CREATED);
});

test("a body over the limit is answered", async () => {
  const file = join(folder, "large.json");
  await writeFile(file, JSON.stringify({ name: "x".repeat(3 * 1024 * 1024) }));
  const [status, text] = await curl("--data", `@${file}`, url);
  expect(status).toBe(413);
  expect(text).toMatch(/^Invalid body: Error decoding the sources plugin json: the body is larger than 1048576 bytes/);
});

describe("a zip from this machine", () => {
  let zip: string;
  beforeEach(async () => {
    zip = await writePluginZip(folder, { type: "sources", name: "random" }, "sent.zip");
  });

  test.each<[what: string, args: () => string[]]>([
    ["--data-binary, which announces a form", () => ["--data-binary", `@${zip}`, `${url}?name=random`]],
    [
      "--data-binary as a zip",
      () => ["-H", "Content-Type: application/zip", "--data-binary", `@${zip}`, `${url}?name=random`],
    ],
    ["-T as a POST", () => ["-X", "POST", "-T", zip, `${url}?name=random`]],
    ["-T in chunks", () => ["-X", "POST", "-T", zip, "-H", "Transfer-Encoding: chunked", `${url}?name=random`]],
    ["-F", () => ["-F", "name=random", "-F", `file=@${zip}`, url]],
    [
      "-F as a later engine wants it",
      () => ["-F", `uploadFile=@${zip};type=application/zip`, "-F", "name=random", url],
    ],
    [
      "after Expect: 100-continue",
      () => ["-H", "Expect: 100-continue", "-F", "name=random", "-F", `file=@${zip}`, url],
    ],
    ["by HTTP/1.0", () => ["--http1.0", "--data-binary", `@${zip}`, `${url}?name=random`]],
  ])("%s", async (_, args) => {
    expect(await curl(...args())).toEqual([201, CREATED]);
  });

  test("-T alone is an update", async () => {
    await curl("-d", order, url);
    const [status, text] = await curl("-T", await newVersion(), `${url}/random`);
    expect([status, text]).toEqual([200, expect.stringContaining("plugin random is updated")]);
  });

  test("an upload, and an install from there", async () => {
    const uploads = url.replace("/plugins/sources", "/config/uploads");
    const [status, path] = await curl("-F", `uploadFile=@${zip}`, uploads);
    expect([status, path]).toEqual([201, join(folder, "data", "uploads", "sent.zip")]);
    expect(await curl("-d", JSON.stringify({ name: "random", file: `file://${path}` }), url)).toEqual([201, CREATED]);
    expect(await curl("-X", "DELETE", `${uploads}/sent.zip`)).toEqual([200, "ok"]);
    expect(await curl(uploads)).toEqual([200, "[]"]);
  });

  function newVersion(): Promise<string> {
    return writePluginZip(folder, { type: "sources", name: "random", version: "2.0.0" }, "new.zip");
  }
});

describe("64 MiB that are refused: curl shows the answer", () => {
  let large: string;
  beforeEach(async () => {
    large = join(folder, "large.zip");
    await writeFile(large, "PK\x03\x04");
    await truncate(large, 64 * 1024 * 1024);
  });

  const NAME = "sources plugins create command error: invalid name Wrong: ";
  test.each<[what: string, args: () => string[], status: number, text: string]>([
    [
      "a name, before anything is sent",
      () => ["-H", "Content-Type: application/zip", "-T", large, "-X", "POST", `${url}?name=Wrong`],
      400,
      NAME,
    ],
    ["a name, after the first bytes", () => ["-T", large, "-X", "POST", `${url}?name=Wrong`], 400, NAME],
    ["a name, without waiting", () => ["-H", "Expect:", "-T", large, "-X", "POST", `${url}?name=Wrong`], 400, NAME],
    ["a name in a form", () => ["-H", "Expect:", "-F", "name=Wrong", "-F", `file=@${large}`, url], 400, NAME],
    ["a method", () => ["-T", large, url], 413, ""],
    [
      "another site",
      () => ["-H", "Expect:", "-H", "Origin: https://evil.example", "-T", large, `${url}/random`],
      403,
      "a page of another site",
    ],
  ])("%s", async (_, args, status, text) => {
    const [actual, shown] = await curl(...args());
    expect([actual, shown.slice(0, text.length)]).toEqual([status, text]);
  });
});

test("-I gets the headers that a GET gets", async () => {
  await curl("-d", order, url);
  const [status, head] = await curl("-I", url);
  expect(status).toBe(200);
  expect(head).toMatch(/^content-type: application\/json\r$/m);
  expect(head).toMatch(/^content-length: 10\r$/m);
});

test("--json gets errors as JSON", async () => {
  const [status, text] = await curl("--json", '{"name":"Random"}', url);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: "NAME_INVALID" });
});

test("-f fails for a script, which sees the exit code", async () => {
  expect((await run(["curl", "-sf", `${url}/random`])).code).toBe(22);
});

test("several calls share a connection", async () => {
  const { stdout } = await run(["curl", "-s", "-w", " %{num_connects}\n", url, url, url]);
  expect(stdout).toBe("[] 1\n[] 0\n[] 0\n");
});

test("https with a private certificate", async () => {
  const certificate = await makeCertificate();
  if (certificate === undefined) throw new Error("openssl is missing");
  const base = join(folder, "secure"); // a base folder has one server
  await mkdir(base);
  const files = { cert: join(base, "cert.pem"), key: join(folder, "key.pem") };
  await writeFile(files.cert, certificate.cert);
  await writeFile(files.key, certificate.key);
  const tls = { BASIC__RESTTLS__CERTFILE: "cert.pem", BASIC__RESTTLS__KEYFILE: files.key };
  const secure = await startServer(tls, base);
  expect(secure).toMatch(/^https:/);
  expect(await curl("--cacert", files.cert, "-d", order, `${secure}/plugins/sources`)).toEqual([201, CREATED]);
  expect((await run(["curl", "-s", `${secure}/ping`])).code).toBe(60); // curl does not know who signed it
});
