import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { makeCertificate } from "../support/file-server.ts";
import { processTest } from "../support/fixtures.ts";
import { modeOf } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";

const test = processTest.extend("base", ({ server }) => server.base);

test("with a missing base folder and no kuiper.yaml the server makes its folders and works", async ({
  folder,
  server,
}) => {
  const base = join(folder, "not/there/yet");
  const url = await server.start({ base });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  for (const path of ["etc/sources", "etc/sinks", "etc/functions", "plugins/sources", "plugins/sinks"]) {
    expect((await stat(join(base, path))).isDirectory()).toBe(true);
  }
  expect(await ask(`${url}/plugins/sources`)).toEqual([200, "[]"]);
  expect(JSON.parse((await ask(url))[1])).toMatchObject({ version: packageJson.version, os: process.platform });

  const file = `file://${await writePluginZip(folder, { type: "sources", name: "random" })}`;
  expect(await post(`${url}/plugins/sources`, { name: "random", file })).toEqual([
    201,
    "sources plugin random is created",
  ]);
  expect(server.process.stderr).toBe("");
});

test("without KuiperBaseKey the server works on the folder that it was started in", async ({ base, server }) => {
  await mkdir(base);
  await server.start({
    command: ["sh", "-c", `unset KuiperBaseKey; cd "${base}"; exec ${process.execPath} "$@"`, "sh"],
  });
  expect((await stat(join(base, "plugins/sources"))).isDirectory()).toBe(true);
});

describe("KuiperBaseKey", () => {
  test("that names a folder which is not there makes it, and says so", async ({ folder, server }) => {
    const base = join(folder, "typo");
    await server.start({ base });
    expect(server.process.log).toContainEqual(
      expect.objectContaining({ level: 40, base, msg: expect.stringContaining("the base folder was not there") }),
    );
    await server.start({ base });
    expect(server.process.log.filter(({ level }) => level === 40)).toEqual([]);
  });

  test("in quotes is the folder without them", async ({ base, server }) => {
    await mkdir(base);
    await server.start({ base: `"${base}"` });
    await server.process.output(/"msg":"ready"/);
    expect(server.process.log.find(({ msg }) => msg === "ready")).toMatchObject({ base });
  });

  test("with one quote stops the start with one line", async ({ base, server }) => {
    const { exited } = await server.launch({ base: `"${base}` });
    expect(await exited).toMatchObject({ code: 1 });
    expect(server.process.stderr).toMatch(
      /^kuiper-plugin-server: environment variable KuiperBaseKey is .* it has a " at one end only; remove it\n$/,
    );
  });
});

test("what was installed is there after another start, what was copied in or taken away is noticed", async ({
  server,
  folder,
  base,
}) => {
  const url = await server.start();
  for (const name of ["kept", "taken"]) {
    const file = `file://${await writePluginZip(folder, { type: "sinks", name, json: "{}" })}`;
    expect((await post(`${url}/plugins/sinks`, { name, file }))[0]).toBe(201);
  }
  const [, described] = await ask(`${url}/plugins/sinks/kept`);
  const registry = await readFile(join(base, "plugins/registry.json"), "utf8");
  server.process.kill("SIGTERM");
  expect(await server.process.exited).toEqual({ code: 0, signal: null });
  expect(await readFile(join(base, "plugins/registry.json"), "utf8")).toBe(registry);
  await rm(join(base, "plugins/sinks/Taken@v1.0.0.so"));
  await writeFile(join(base, "plugins/sinks/Copied@v2.0.0.so"), "x");

  const again = await server.start();
  expect(await ask(`${again}/plugins/sinks`)).toEqual([200, '["copied","kept"]']);
  expect(await ask(`${again}/plugins/sinks/kept`)).toEqual([200, described]);
  const about = (word: RegExp) =>
    server.process.log.filter(({ msg }) => word.test(msg ?? "")).map(({ plugin }) => plugin);
  expect(about(/adopted/)).toEqual([{ type: "sinks", name: "copied" }]);
  expect(about(/vanished/)).toEqual([{ type: "sinks", name: "taken" }]);
});

test("the umask changes nothing that the engine has to read", async ({ server, folder, base }) => {
  const url = await server.start({ command: ["sh", "-c", `umask 077; exec ${process.execPath} "$@"`, "sh"] });
  const file = `file://${await writePluginZip(folder, { type: "sources", name: "random", etc: { "a.txt": "a" } })}`;
  expect((await post(`${url}/plugins/sources`, { name: "random", file }))[0]).toBe(201);
  expect(await modeOf(join(base, "plugins/sources/Random@v1.0.0.so"))).toBe("755");
  expect(await modeOf(join(base, "etc/sources/random.yaml"))).toBe("644");
  expect(await modeOf(join(base, "etc/sources/random/a.txt"))).toBe("644");
});

describe("settings", () => {
  test("come from kuiper.yaml, with the engine's own keys beside them", async ({ base, server }) => {
    await mkdir(join(base, "etc"), { recursive: true });
    const yaml = `basic:
  debug: true
  consoleLog: false
  port: 20498
  prometheus: false
  restPort: 1
  restIp: 127.0.0.1
  pluginHosts: ""
rule: { qos: 0 }
sink: { cacheThreshold: 10 }
`;
    await writeFile(join(base, "etc/kuiper.yaml"), yaml);
    const url = await server.start(); // BASIC__RESTPORT=0 is put over the 1
    expect(await ask(`${url}/plugins/sinks/prebuild`)).toEqual([200, "{}"]);
    await server.process.output(/"url":"\/plugins\/sinks\/prebuild"/); // with debug, reads are logged too
    expect(server.process.log.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  test("that nothing reads are warned about", async ({ base, server }) => {
    await mkdir(join(base, "etc"), { recursive: true });
    await writeFile(join(base, "etc/kuiper.yaml"), "basic:\n  restPrt: 1\n");
    await server.start({ settings: { BASIC__NONSENSE: "1" } });
    const warnings = server.process.log.filter(({ level }) => level === 40).map(({ msg }) => msg);
    expect(warnings).toEqual([
      "kuiper.yaml has a key that nothing reads: basic.restPrt",
      "an environment variable names a key that nothing reads: KUIPER__BASIC__NONSENSE",
    ]);
  });

  test("basic.restIp may be an IPv6 address", async ({ skip, server }) => {
    const started = await server.launch({ settings: { BASIC__RESTIP: "::1" } });
    const url = await started.url().catch(() => skip(`no IPv6 here: ${started.stderr}`));
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const origin = { origin: url };
    expect((await ask(`${url}/plugins/sinks`, { method: "POST", headers: origin, body: "{" }))[0]).toBe(400);
  });
});

describe("HTTPS", () => {
  test("is spoken with restTls, by paths from the base folder", async ({ skip, base, server, folder }) => {
    const certificate = await makeCertificate();
    if (certificate === undefined) return skip("openssl is missing");
    await mkdir(join(base, "etc"), { recursive: true });
    await writeFile(join(base, "etc/server.pem"), certificate.cert);
    await writeFile(join(base, "etc/server.key"), certificate.key);
    const yaml = "basic:\n  restTls:\n    certfile: etc/server.pem\n    keyfile: etc/server.key\n";
    await writeFile(join(base, "etc/kuiper.yaml"), yaml);
    const url = await server.start();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);

    const file = `file://${await writePluginZip(folder, { type: "sinks", name: "file" })}`;
    const options = { ca: certificate.cert, method: "POST", body: { name: "file", file } };
    expect(await ask(`${url}/plugins/sinks`, options)).toEqual([201, "sinks plugin file is created"]);
    expect(await ask(`${url}/plugins/sinks`, { ca: certificate.cert })).toEqual([200, '["file"]']);
    const headers = { origin: url, "sec-fetch-site": "same-origin" };
    const own = await send(`${url}/plugins/sinks`, { ca: certificate.cert, method: "POST", headers, body: "{" });
    expect(own.status).toBe(400);
    await expect(ask(`${url}/plugins/sinks`)).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    await expect(ask(`${url.replace("https", "http")}/ping`)).rejects.toBeInstanceOf(Error);
    expect((await ask(`${url}/ping`, { ca: certificate.cert }))[0]).toBe(200);
  });
});

test("its first lines say what runs, and where", async ({ server, base }) => {
  await server.start();
  await server.process.output(/"msg":"ready"/);
  expect(server.process.log.find(({ msg }) => msg === "ready")).toMatchObject({
    version: packageJson.version,
    node: execFileSync(process.execPath, ["--version"], { encoding: "utf8" }).trim(),
    base,
    plugins: 0,
  });
});
