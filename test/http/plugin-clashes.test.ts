import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ENGINE } from "../inspect/kit.ts";
import { serverTest } from "../support/fixtures.ts";
import { type GoContents, goElf, RUNTIME } from "../support/go-elf.ts";
import { ask, post, send } from "../support/http-client.ts";

/** Plugins of which one engine loads only one. (Whether Go says so too: test/system/go-plugin-pairs.) */

const settings = { PLUGINPACKAGE__MAXRATIO: "1100" };
const test = serverTest(settings)
  .extend("enforce", ({ server }) => () => {
    return server.start({ ...settings, ENGINE__VERIFY: "enforce" });
  })
  .extend("orderOf", ({ host }) => (type: "sinks" | "functions", name: string, wanted?: Wanted) => {
    return {
      name,
      file: host.serveZip({ type, name, soContent: soOf(name, wanted) }),
    };
  })
  .extend("install", ({ server, orderOf }) => (type: "sinks" | "functions", name: string, wanted?: Wanted) => {
    return send(`${server.url}/plugins/${type}`, { method: "POST", body: orderOf(type, name, wanted) });
  })
  .extend("compatibilityOf", ({ server }) => async (path: string) => {
    return JSON.parse((await send(`${server.url}/plugins/${path}`)).text).compatibility;
  })
  .extend("codes", ({ compatibilityOf }) => async (path: string) => {
    return (await compatibilityOf(path)).problems.map(({ code }: { code: string }) => code);
  });

test.beforeEach(async ({ server }) => {
  await mkdir(join(server.base, "bin"), { recursive: true });
  await writeFile(join(server.base, "bin/kuiperd"), goElf(ENGINE));
});

const LIB_1 = "aaaaaaaaaaaaaaa1";
const LIB_2 = "aaaaaaaaaaaaaaa2";

interface Wanted {
  readonly path?: string;
  readonly lib?: string;
  readonly contents?: Partial<GoContents>;
}

/** A plugin that this engine would load, of a package of its own with a library that the engine does not have. */
function soOf(name: string, { path = `example.com/${name}`, lib = LIB_1, contents = {} }: Wanted = {}): Buffer {
  const symbol = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const packages = { runtime: RUNTIME, [path]: "1111111111111111", "example.com/lib": lib };
  return goElf({ pluginPath: path, packages, exports: [`${path}.${symbol}`], ...contents });
}

describe("engine.verify: warn", () => {
  test("the same library in two versions: both are told, and named to each other", async ({
    install,
    compatibilityOf,
    server,
  }) => {
    expect((await install("functions", "alpha")).headers["plugin-compatibility"]).toBe("compatible");
    expect(await compatibilityOf("functions/alpha")).toEqual({ verdict: "compatible", problems: [] });
    const second = await install("sinks", "beta", { lib: LIB_2 });
    expect(second.status).toBe(201);
    expect(second.headers["plugin-compatibility"]).toMatch(
      /^incompatible; reason="package example\.com\/lib differs from the one in functions\/alpha: the engine loads/,
    );
    expect(await compatibilityOf("functions/alpha")).toEqual({
      verdict: "incompatible",
      problems: [
        {
          code: "PACKAGE_DIFFERS_FROM_PLUGIN",
          message: expect.stringContaining("in sinks/beta"),
          packages: ["example.com/lib"],
        },
      ],
    });
    const list = JSON.parse((await send(`${server.url}/plugins?verdict=incompatible`)).text);
    expect(list.map(({ name }: { name: string }) => name)).toEqual(["beta", "alpha"]);
    expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", verdict: "incompatible" }));
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: 40, problem: "PACKAGE_DIFFERS_FROM_PLUGIN" }),
    );
  });

  test("one path in two plugins: both are reported", async ({ install, codes }) => {
    await install("functions", "gamma", { path: "plain" });
    await install("sinks", "delta", { path: "plain" });
    expect(await codes("functions/gamma")).toEqual(["ALREADY_LOADED"]);
    expect(await codes("sinks/delta")).toEqual(["ALREADY_LOADED"]);
  });

  test("what is wrong goes with the other plugin, and with its update", async ({ install, codes, server, orderOf }) => {
    await install("functions", "alpha");
    await install("sinks", "beta", { lib: LIB_2 });
    await install("sinks", "gamma", { path: "example.com/alpha" });
    expect(await codes("functions/alpha")).toEqual(["ALREADY_LOADED", "PACKAGE_DIFFERS_FROM_PLUGIN"]);
    const updated = await send(`${server.url}/plugins/sinks/beta`, { method: "PUT", body: orderOf("sinks", "beta") });
    expect(updated.headers["plugin-compatibility"]).toBe("compatible");
    expect(await codes("functions/alpha")).toEqual(["ALREADY_LOADED"]);
    await send(`${server.url}/plugins/sinks/gamma`, { method: "DELETE" });
    expect(await codes("functions/alpha")).toEqual([]);
  });

  test("packages that the engine has are the engine's matter", async ({ server, install, codes }) => {
    const engine = goElf({ ...ENGINE, packages: { ...ENGINE.packages, "example.com/lib": LIB_1 } });
    await writeFile(join(server.base, "bin/kuiperd"), engine);
    await install("functions", "alpha");
    await install("sinks", "beta", { lib: LIB_2 });
    expect(await codes("functions/alpha")).toEqual([]);
    expect(await codes("sinks/beta")).toEqual(["PACKAGE_DIFFERS"]);
  });

  test("a restart knows it without inspecting anything", async ({ install, server, codes }) => {
    await install("functions", "alpha");
    await install("sinks", "beta", { lib: LIB_2 });
    await server.start(settings);
    expect(await codes("functions/alpha")).toEqual(["PACKAGE_DIFFERS_FROM_PLUGIN"]);
    await server.compareWithEngine();
    expect(server.logged).toContainEqual(expect.objectContaining({ plugins: { incompatible: 2 } }));
  });
});

test("without an engine, plugins of two builds are told to exclude each other", async ({
  server,
  install,
  compatibilityOf,
}) => {
  await writeFile(join(server.base, "bin/kuiperd"), "no program");
  await install("functions", "alpha");
  expect((await compatibilityOf("functions/alpha")).verdict).toBe("unknown");
  const packages = { runtime: "9999999999999999", "example.com/beta": "1111111111111111" };
  await install("sinks", "beta", { contents: { packages } });
  expect(await compatibilityOf("functions/alpha")).toMatchObject({
    verdict: "incompatible",
    problems: [{ code: "ENGINE_UNKNOWN" }, { code: "PACKAGE_DIFFERS_FROM_PLUGIN", packages: ["runtime"] }],
  });
});

test("the report of an inspection has the clash", async ({ install, server, orderOf }) => {
  await install("functions", "alpha");
  const [, text] = await post(`${server.url}/plugins/sinks/inspect`, orderOf("sinks", "beta", { lib: LIB_2 }));
  expect(JSON.parse(text)).toMatchObject({
    verdict: "incompatible",
    problems: [{ code: "PACKAGE_DIFFERS_FROM_PLUGIN" }],
  });
  expect(JSON.parse(text)).not.toHaveProperty("identity");
});

test("plugins exclude each other against another engine, too", async ({ install, server }) => {
  await install("functions", "alpha");
  await install("sinks", "beta", { lib: LIB_2 });
  await writeFile(join(server.base, "other"), goElf(ENGINE));
  const list = JSON.parse((await send(`${server.url}/plugins?engine=other`)).text);
  expect(list).toMatchObject([
    { name: "beta", verdict: "incompatible", reason: expect.stringContaining("functions/alpha") },
    { name: "alpha", verdict: "incompatible", reason: expect.stringContaining("sinks/beta") },
  ]);
});

describe("engine.verify: enforce", () => {
  test("refuses the second one, and nothing of it is left", async ({ enforce, install, server, orderOf }) => {
    await enforce();
    await install("functions", "alpha");
    const [status, text] = await post(`${server.url}/plugins/sinks`, orderOf("sinks", "beta", { lib: LIB_2 }));
    expect([status, text]).toEqual([400, expect.stringContaining("differs from the one in functions/alpha")]);
    expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
  });

  test("a new version need not get along with the one that it replaces, nor in a rollback", async ({
    enforce,
    install,
    orderOf,
    server,
  }) => {
    await enforce();
    await install("functions", "alpha");
    const body = orderOf("functions", "alpha", { lib: LIB_2 });
    const updated = await send(`${server.url}/plugins/functions/alpha`, { method: "PUT", body });
    expect([updated.status, updated.headers["plugin-compatibility"]]).toEqual([200, "compatible"]);
    const back = await send(`${server.url}/plugins/functions/alpha/rollback`, { method: "POST" });
    expect([back.status, back.headers["plugin-compatibility"]]).toEqual([200, "compatible"]);
  });
});
