import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
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
