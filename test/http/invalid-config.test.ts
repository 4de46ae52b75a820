import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { serverTest, stoppedServerTest } from "../support/fixtures.ts";
import { send } from "../support/http-client.ts";
import type { PluginContents } from "../support/plugin-zip.ts";

/** The engine stops reading other plugins' metadata at a N.json that is no JSON, so such a file is not put into place. */

const JSON_FILE = "etc/sources/random.json";
const YAML = "etc/sources/random.yaml";

const test = serverTest()
  .extend("url", ({ server }) => `${server.url}/plugins/sources`)
  .extend("change", ({ host, url }) => (method: "POST" | "PUT", contents: Partial<PluginContents>) => {
    const file = host.serveZip({ ...contents, type: "sources", name: "random" });
    return send(method === "POST" ? url : `${url}/random`, { method, body: { name: "random", file } });
  })
  .extend(
    "describe",
    ({ url }) =>
      async () =>
        JSON.parse((await send(`${url}/random`)).text),
  );

test.for<readonly [string, Partial<PluginContents>, string, RegExp]>([
  ["an empty N.json", { json: "" }, JSON_FILE, /it is empty/],
  ["a N.json of text", { json: "about: x" }, JSON_FILE, /it is no JSON \(/],
  ["a N.json that is cut off", { json: '{"about":' }, JSON_FILE, /it is no JSON \(/],
  ["a N.json that begins with a BOM", { json: "\ufeff{}" }, JSON_FILE, /it is no JSON \(/],
  ["a N.json that is a list", { json: "[]" }, JSON_FILE, /no object/],
  ["a N.yaml that is JSON cut off", { yaml: '{"a": [1' }, YAML, /it is no YAML \(/],
  ["a N.yaml indented by tabs", { yaml: "a:\n\tb: 1\n" }, YAML, /it is no YAML \(/],
  ["a N.yaml of lists in lists", { yaml: "- ".repeat(101) }, YAML, /it has more than 100 levels/],
])(
  "%s is not put into place, and reply, log, list and describe say so",
  async ([_, contents, path, reason], { change, describe, server, host }) => {
    const { status, headers } = await change("POST", contents);
    expect(status).toBe(201);
    expect(headers["plugin-compatibility"]).toBeDefined();
    expect(await server.files()).not.toContain(path);
    const described = await describe();
    expect(described.files.map((file: { path: string }) => file.path)).not.toContain(path);
    expect(described.unplaced).toEqual([expect.stringMatching(reason)]);
    expect(described.compatibility.problems).toContainEqual({ code: "CONFIG_INVALID", message: described.unplaced[0] });
    expect(server.logged).toContainEqual(expect.objectContaining({ level: 40, file: path }));
    const list = JSON.parse((await send(`${server.url}/plugins`)).text);
    expect(list).toMatchObject([{ name: "random", reason: expect.stringMatching(/./) }]);

    const file = host.serveZip({ ...contents, type: "sources", name: "random" });
    const body = { name: "random", file };
    const report = JSON.parse((await send(`${server.url}/plugins/sources/inspect`, { method: "POST", body })).text);
    expect(report.problems).toContainEqual({ code: "CONFIG_INVALID", message: described.unplaced[0] });

    // A corrected zip says nothing of it any more, and brings the file; its rollback says it again.
    expect((await change("PUT", { version: "2.0.0", json: '{"about":{}}' })).status).toBe(200);
    expect(await server.files()).toContain(path);
    expect(await describe()).not.toHaveProperty("unplaced");
    expect((await send(`${server.url}/plugins/sources/random/rollback`, { method: "POST", body: {} })).status).toBe(
      200,
    );
    expect(await server.files()).not.toContain(path);
    expect((await describe()).unplaced).toHaveLength(1);
  },
);

test.for<readonly [string, Partial<PluginContents>]>([
  ["a key that is there twice", { yaml: "a: 1\na: 2\n" }],
  ["several documents", { yaml: "a: 1\n---\nb: 2\n" }],
  ["an empty N.yaml", { yaml: "" }],
  ["a hundred lists in each other", { yaml: "- ".repeat(100) }],
  ["further configuration of any kind", { json: "{}", etc: { "data.json": "no JSON", "x.yaml": "\t{" } }],
])("what an engine reads is put into place: %s", async ([_, contents], { change, describe, server }) => {
  expect((await change("POST", contents)).status).toBe(201);
  expect(await describe()).not.toHaveProperty("unplaced");
  for (const path of Object.keys(contents.etc ?? {}))
    expect(await server.files()).toContain(`etc/sources/random/${path}`);
  expect(await readFile(join(server.base, YAML), "utf8")).toBe(
    contents.yaml ?? "default:\n  interval: 1000\n  seed: 1\n",
  );
});

test("what install.sh made of it counts", async ({ change, describe, server }) => {
  const script =
    "for f in ../*.new ../../../../etc/.changes/*/*.new; do grep -q about $f && echo broken > $f; done; exit 0\n";
  expect((await change("POST", { json: '{"about":{}}', script })).status).toBe(201);
  expect((await describe()).unplaced).toEqual([expect.stringContaining(JSON_FILE)]);
  expect(await server.files()).not.toContain(JSON_FILE);
});

stoppedServerTest.for([
  ["PLUGINPACKAGE__MAXCHECKEDJSONBYTES", JSON_FILE, { json: "no JSON" }, "pluginPackage.maxCheckedJsonBytes"],
  ["PLUGINPACKAGE__MAXCHECKEDYAMLBYTES", YAML, { yaml: "a:\n\tb: 1\n" }, "pluginPackage.maxCheckedYamlBytes"],
] as const)(
  "what is larger than %s is put into place unchecked, and the log says so",
  async (row, { server, host }) => {
    const [variable, path, contents, setting] = row;
    await server.start({ [variable]: "6" });
    const file = host.serveZip({ ...contents, type: "sources", name: "random" });
    const body = { name: "random", file };
    expect((await send(`${server.url}/plugins/sources`, { method: "POST", body })).status).toBe(201);
    expect(await server.files()).toContain(path);
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: 40, file: path, msg: expect.stringContaining(setting) }),
    );
  },
);
