import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { Layout } from "../../src/store/layout.ts";
import { stoppedServerTest } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { ask, post, remove } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** A line for each change: who, what, which bytes, and what came of it. */

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
