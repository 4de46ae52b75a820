import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { makeFoldersSync } from "../../src/lib/folder-mode.ts";
import { post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer } from "../support/test-server.ts";
import { startZipHost } from "../support/zip-host.ts";

/** Of the server's own, and nobody else's business: what is in them is not looked at. */
const PRIVATE = ["etc/.changes/", "etc/.versions/", "plugins/.changes/", "plugins/.incoming/", "plugins/.versions/"];

it.each([0o077, 0o027, 0o000])("every mode is ours, whatever the umask is: %o", async (umask) => {
  const before = process.umask(umask);
  onTestFinished(() => void process.umask(before));
  const host = await startZipHost();
  const server = await startTestServer();
  onTestFinished(async () => {
    await host.close();
    await server.dispose();
  });
  const plugin = { type: "sources", name: "random", etc: { "certs/deep/ca.pem": "ca" }, json: "{}" } as const;
  const url = `${server.url}/plugins/sources`;
  expect((await post(url, { name: "random", file: host.serveZip(plugin) }))[0]).toBe(201);
  await writeFile(join(server.base, "etc/sources/random.yaml"), "mine\n", { mode: 0o644 });
  const file = host.serveZip({ ...plugin, version: "2.0.0", etc: { "certs/new/ca.pem": "ca" }, yaml: "default: 2\n" });
  expect((await send(`${url}/random`, { method: "PUT", body: { file } })).status).toBe(200);
  expect((await post(`${url}/random/rollback`, {}))[0]).toBe(200);
  const zip = pluginZip({ type: "sinks", name: "sent" });
  const headers = { "content-type": "application/zip" };
  expect((await fetch(`${server.url}/plugins/sinks?name=sent`, { method: "POST", headers, body: zip })).status).toBe(
    201,
  );
  const upload = { name: "a.txt", content: "a" };
  expect((await post(`${server.url}/config/uploads`, upload))[0]).toBe(201);

  const modes: Record<string, string> = {};
  for (const path of await server.files()) {
    const isPrivate = /^(plugins|etc)\/\./.test(path);
    if (isPrivate && !PRIVATE.includes(path)) continue;
    const wanted = isPrivate ? "700" : path.endsWith("/") || path.endsWith(".so") ? "755" : "644";
    const mode = ((await stat(join(server.base, path))).mode & 0o777).toString(8);
    if (mode !== wanted) modes[path] = `${mode}, not ${wanted}`;
  }
  expect(modes).toEqual({});
});

it("so is that of a base folder that the start makes, and of those above it", async () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const folder = await tempFolder();
  makeFoldersSync(join(folder, "a/b"));
  makeFoldersSync(join(folder, "a/b"));
  const modes = ["", "a", "a/b"].map(async (path) => (await stat(join(folder, path))).mode & 0o777);
  expect(await Promise.all(modes)).toEqual([0o700, 0o755, 0o755]);
});
