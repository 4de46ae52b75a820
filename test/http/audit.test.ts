import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { ask, post, remove } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** A line for each write: who, what, which bytes, and what came of it. */

const zip = pluginZip({ type: "sinks", name: "file" });
const sha256 = createHash("sha256").update(zip).digest("hex");
const plugin = { type: "sinks", name: "file" };

const test = stoppedServerTest
  .extend("file", ({ host }) => host.serve("/file.zip", zip))
  .extend("sinks", ({ server }) => (name = "") => {
    return `${server.url}/plugins/sinks${name && `/${name}`}`;
  })
  .extend("audited", ({ server }) => () => {
    return server.logged.filter(({ msg }) => msg === "audit");
  });

test("an install and a delete are audited, each under the id of its request", async ({
  server,
  sinks,
  audited,
  file,
}) => {
  await server.start();
  expect((await post(sinks(), { name: "file", file }))[0]).toBe(201);
  expect((await remove(sinks("file")))[0]).toBe(200);
  const common = { plugin, version: "1.0.0", sha256, result: "done", address: "127.0.0.1", audit: true };
  expect(audited()).toMatchObject([
    { ...common, action: "install", origin: file },
    { ...common, action: "delete" },
  ]);
  const requests = server.logged.filter(({ msg }) => msg === "request").map(({ reqId }) => reqId);
  expect(audited().map(({ reqId }) => reqId)).toEqual(requests);
});

test("a failed change is audited with its reason", async ({ server, host, sinks, audited, file }) => {
  await server.start({ PLUGINDOWNLOAD__MAXRETRIES: "0" });
  host.serve("/bad.zip", Buffer.from("no zip"));
  const statuses = [
    await post(sinks(), { name: "file", file: host.url("/none.zip") }),
    await post(sinks(), { name: "file", file: host.url("/bad.zip") }),
    await remove(sinks("file")),
    await post(sinks(), { name: "file", file }),
    await post(sinks(), { name: "file", file }),
  ].map(([status]) => status);
  expect(statuses).toEqual([400, 400, 404, 201, 400]);
  expect(audited().map(({ action, result }) => [action, result])).toEqual([
    ["install", "DOWNLOAD_FAILED"],
    ["install", "ARCHIVE_INVALID"],
    ["delete", "PLUGIN_NOT_FOUND"],
    ["install", "done"],
    ["install", "NAME_TAKEN"],
  ]);
  expect(audited()[1]).toMatchObject({
    sha256: createHash("sha256").update("no zip").digest("hex"),
    reason: expect.stringMatching(/not a valid zip file/),
  });
});

test("reads are not audited", async ({ server, sinks, audited }) => {
  await server.start();
  for (const url of [server.url, sinks(), sinks("file")]) await ask(url);
  expect(audited()).toEqual([]);
});

test("a change is audited with the token's subject and issuer", async ({ server, sinks, audited, file }) => {
  await server.start({ BASIC__AUTHENTICATION: "true" });
  const pair = makeKeyPair.EdDSA();
  await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), pair.publicPem);
  const headers = { authorization: `Bearer ${await signToken(pair)}` };
  const body = { name: "file", file };
  expect((await ask(sinks(), { method: "POST", headers, body }))[0]).toBe(201);
  expect(audited()).toMatchObject([{ plugin, subject: "alice", issuer: "dashboard", result: "done" }]);
});

test("uploads, inspections and cancelled jobs are audited, done or not", async ({
  server,
  sinks,
  audited,
  file,
  gate,
  host,
}) => {
  await server.start();
  const uploads = `${server.url}/config/uploads`;
  expect((await post(uploads, { name: "a.txt", content: "x" }))[0]).toBe(201);
  expect(
    (await post(uploads, { name: "b.zip", file: host.url("/none.zip").replace("://", "://joe:s3cret@") }))[0],
  ).toBe(400);
  expect((await post(uploads, { name: "../c", content: "x" }))[0]).toBe(400);
  expect((await remove(`${uploads}/a.txt`))[0]).toBe(200);
  expect((await remove(`${uploads}/a.txt`))[0]).toBe(404);
  expect((await post(sinks("inspect"), { name: "file", file }))[0]).toBe(200);
  expect((await post(sinks("inspect"), { name: "file", file: host.url("/none.zip") }))[0]).toBe(400);
  expect((await remove(`${server.url}/jobs/none`))[0]).toBe(404);

  const waits = host.serveZip({ type: "sinks", name: "slow", script: GATED_SCRIPT });
  const headers = { prefer: "respond-async" };
  const [, job] = await ask(sinks(), {
    method: "POST",
    headers,
    body: { name: "slow", file: waits, shellParas: gate.args },
  });
  const { id } = JSON.parse(String(job));
  await gate.started;
  expect((await remove(`${server.url}/jobs/${id}`))[0]).toBe(200);

  const common = { address: "127.0.0.1", reqId: expect.any(String) };
  expect(audited()).toMatchObject([
    { action: "upload", upload: "a.txt", result: "done", ...common },
    { action: "upload", upload: "b.zip", result: "DOWNLOAD_FAILED", origin: expect.stringContaining("***@") },
    { action: "upload", upload: "../c", result: "NAME_INVALID", reason: expect.any(String) },
    { action: "deleteUpload", upload: "a.txt", result: "done" },
    { action: "deleteUpload", upload: "a.txt", result: "UPLOAD_NOT_FOUND" },
    { action: "inspect", plugin, origin: file, result: "done" },
    { action: "inspect", plugin, result: "DOWNLOAD_FAILED" },
    { action: "cancel", job: "none", result: "JOB_NOT_FOUND" },
    { action: "install", plugin: { type: "sinks", name: "slow" }, result: "CANCELLED" },
    { action: "cancel", job: id, result: "done" },
  ]);
});

describe("a write that is refused before its work begins is audited once", () => {
  const none = (path: string) => ({ method: "DELETE", path }) as const;
  const sent = (path: string, body: object, method: "POST" | "PUT" = "POST") => ({ method, path, body }) as const;
  const writes = [
    [sent("/plugins/sinks", { name: "file", file: "x" }), "install"],
    [sent("/plugins/sinks/file", { file: "x" }, "PUT"), "update"],
    [none("/plugins/sinks/file"), "delete"],
    [sent("/plugins/sinks/inspect", { name: "file", file: "x" }), "inspect"],
    [sent("/plugins/sinks/file/rollback", {}), "rollback"],
    [sent("/plugins/functions/file/register", { functions: ["f"] }), "register"],
    [sent("/config/uploads", { name: "file", content: "x" }), "upload"],
    [none("/config/uploads/file"), "deleteUpload"],
    [none("/jobs/file"), "cancel"],
  ] as const;

  test("without a token, or with a wrong one", async ({ server, audited }) => {
    await server.start({ BASIC__AUTHENTICATION: "true" });
    for (const [{ path, ...request }] of writes) {
      expect((await ask(server.url + path, request))[0]).toBe(401);
      expect((await ask(server.url + path, { ...request, headers: { authorization: "Bearer x" } }))[0]).toBe(401);
    }
    const results = audited().map(({ action, result }) => [action, result]);
    expect(results).toEqual(writes.flatMap(([, action]) => [1, 2].map(() => [action, "UNAUTHENTICATED"])));
    expect((await ask(`${server.url}/plugins/sinks`))[0]).toBe(401);
    expect(audited()).toHaveLength(writes.length * 2);
  });

  test("from a page of another site", async ({ server, audited }) => {
    await server.start();
    const headers = { origin: "http://evil.example" };
    for (const [{ path, ...request }] of writes)
      expect((await ask(server.url + path, { ...request, headers }))[0]).toBe(403);
    expect(audited().map(({ action, result }) => [action, result])).toEqual(
      writes.map(([, action]) => [action, "CROSS_SITE_REFUSED"]),
    );
  });

  test("for its body, its name or its address", async ({ server, sinks, audited }) => {
    await server.start();
    const headers = { prefer: "respond-async" };
    await ask(sinks(), { method: "POST", body: "{" });
    await post(sinks(), { name: 5 });
    await post(sinks(), { name: "Not", file: "http://h/x.zip" });
    await ask(sinks(), { method: "POST", headers, body: { name: "file", file: "http://joe:s3cret@h/x" } });
    expect(audited().map(({ result, plugin }) => [result, (plugin as { name: string }).name])).toEqual([
      ["BODY_INVALID", ""],
      ["BODY_INVALID", ""],
      ["NAME_INVALID", "Not"],
      ["URI_INVALID", "file"],
    ]);
    expect(JSON.stringify(audited())).not.toMatch(/s3cret/);
  });
});

describe("log.auditFile", () => {
  test("has the lines for its owner alone, also after another start, and without credentials", async ({
    folder,
    server,
    host,
    sinks,
    audited,
    startServer,
  }) => {
    const auditFile = join(folder, "logs/audit.log");
    const settings = { LOG__AUDITFILE: auditFile };
    await server.start(settings);
    host.serve("/file.zip?token=s3cret", zip);
    const file = `${host.url("/file.zip").replace("://", "://joe:s3cret@")}?token=s3cret`;
    expect((await post(sinks(), { name: "file", file }))[0]).toBe(201);
    expect(audited()).toEqual([]);
    expect(await modeOf(auditFile)).toBe("600");

    const other = await startServer(settings); // on another base folder
    expect((await remove(`${other.url}/plugins/sinks/file`))[0]).toBe(404);
    const text = await readFile(auditFile, "utf8");
    expect(text).not.toMatch(/joe|s3cret/);
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { action: "install", plugin, sha256, result: "done", time: expect.any(Number) },
      { action: "delete", plugin, result: "PLUGIN_NOT_FOUND", address: "127.0.0.1" },
    ]);
  });

  test("on a full disk changes no answer, and the log says so", async ({ server, sinks, file }) => {
    await server.start({ LOG__AUDITFILE: "/dev/full" });
    expect((await post(sinks(), { name: "file", file }))[0]).toBe(201);
    expect((await post(sinks(), { name: "file", file }))[0]).toBe(400);
    expect((await remove(sinks("file")))[0]).toBe(200);
    const errors = server.logged.filter(({ level }) => level === 50);
    expect(errors.length).toBeGreaterThanOrEqual(3);
    for (const line of errors)
      expect(line).toMatchObject({ msg: "an audit line is not written", err: { code: "ENOSPC" } });
  });
});
