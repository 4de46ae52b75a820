import { copyFile, cp, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInspector, type Inspection, type InspectOptions } from "../../src/inspect/inspector.ts";
import { type Build, GoWorkshop, type Loading, load } from "../support/go-workshop.ts";

/** What is said of a plugin before it is loaded, against what Go says when an engine loads it. */

let folder: string;
let workshop: GoWorkshop;
/** Built once: each takes seconds. */
const built = new Map<string, Promise<string>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
  workshop = await GoWorkshop.open(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function build(what: Build): Promise<string> {
  const key = JSON.stringify(what);
  const known = built.get(key) ?? workshop.build(what);
  built.set(key, known);
  return known;
}

const ENGINE: Build = { path: "cmd/engine", mode: "exe" };
const PLUGIN: Build = { path: "plugins/random" };

interface Judged {
  readonly inspection: Inspection;
  readonly loading: Loading;
}

/** Inspects a plugin and loads it. The two must agree on whether it works. */
async function judge(
  engine: string,
  plugin: string,
  { wanted = ["Random"], env = {} as Record<string, string>, ...options }: Wishes = {},
): Promise<Judged> {
  const inspector = createInspector({ config: { binary: engine, verify: "warn" }, baseFolder: folder, env });
  const inspection = await inspector.inspect(plugin, wanted, options);
  const loading = await load(engine, plugin, wanted, env);
  const works = loading.error === "" && wanted.every((symbol) => loading.found[symbol]);
  expect({ verdict: inspection.verdict, problems: inspection.problems, loading }).toMatchObject({
    verdict: works ? "compatible" : "incompatible",
  });
  return { inspection, loading };
}

interface Wishes extends InspectOptions {
  readonly wanted?: readonly string[];
  readonly env?: Record<string, string>;
}

const codes = ({ inspection }: Judged) => inspection.problems.map(({ code }) => code);

describe("plugins that fit", () => {
  test.each<[string, Build, Build]>([
    ["the same build", ENGINE, PLUGIN],
    ["both stripped", { ...ENGINE, strip: true }, { ...PLUGIN, strip: true }],
    ["only the plugin stripped", ENGINE, { ...PLUGIN, strip: true }],
    ["neither with -trimpath", { ...ENGINE, trimpath: false }, { ...PLUGIN, trimpath: false }],
    ["an engine that is loaded anywhere", { ...ENGINE, mode: "pie" }, PLUGIN],
    ["a package with a dot in its last name", ENGINE, { path: "plugins/v1.2" }],
    ["built from a file, so without a path", ENGINE, { path: "plugins/random/random.go" }],
  ])("%s", async (_, engine, plugin) => {
    const { inspection } = await judge(await build(engine), await build(plugin));
    expect(inspection).toMatchObject({ problems: [], exports: ["Count", "Keep", "Random"] });
    expect(inspection.plugin?.pluginPath).toMatch(/^example\.com\/engine\/plugins\/|^plugin\/unnamed-/);
    expect(inspection.plugin?.goVersion).toBe(plugin.strip ? "" : inspection.engineFacts?.goVersion);
    expect(inspection.engineFacts).toMatchObject({ trimpath: engine.trimpath ?? true, modules: 2 });
  });

  test("a plugin that asks for every symbol that it has", async () => {
    await judge(await build(ENGINE), await build(PLUGIN), { wanted: ["Random", "Count", "Keep"] });
  });
});

describe("plugins of another build", () => {
  test("one shared package changed", async () => {
    const judged = await judge(await build(ENGINE), await build({ ...PLUGIN, module: "changed-engine" }));
    const [problem] = judged.inspection.problems;
    expect(problem).toMatchObject({ code: "PACKAGE_DIFFERS", packages: ["example.com/engine/model"] });
    expect(problem?.message).toContain("from the same source as the engine (example.com/engine (devel))");
    expect(judged.loading.error).toContain("different version of package example.com/engine/model");
  });

  test.each([
    [true, false, "the plugin was built without -trimpath and the engine with it"],
    [false, true, "the plugin was built with -trimpath and the engine without it"],
  ])("engine with -trimpath: %s, plugin: %s", async (engineTrimmed, pluginTrimmed, cause) => {
    for (const strip of [false, true]) {
      const engine = await build({ ...ENGINE, trimpath: engineTrimmed, strip });
      const judged = await judge(engine, await build({ ...PLUGIN, trimpath: pluginTrimmed, strip }));
      const [problem] = judged.inspection.problems;
      expect(codes(judged)).toEqual(["PACKAGE_DIFFERS"]);
      expect(problem?.message).toContain(cause);
      expect(problem?.packages).toContain("runtime");
      const [, named] = /different version of package (\S+)/.exec(judged.loading.error) ?? [];
      expect(problem?.packages).toContain(named);
    }
  });

  test("other flags of the compiler", async () => {
    const plugin = await build({ ...PLUGIN, flags: ["-gcflags=all=-l"] });
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["PACKAGE_DIFFERS"]);
    expect(judged.inspection.problems[0]?.message).toContain("another Go or other flags");
  });

  test("the same source in another folder, neither with -trimpath", async () => {
    const engine = await build({ ...ENGINE, trimpath: false });
    const judged = await judge(engine, await build({ ...PLUGIN, module: "elsewhere", trimpath: false }));
    expect(codes(judged)).toEqual(["PACKAGE_DIFFERS"]);
    expect(judged.inspection.problems[0]?.message).toContain(
      "in the same folder as the engine's, or both with -trimpath",
    );
    await judge(await build(ENGINE), await build({ ...PLUGIN, module: "elsewhere" }));
  });

  test("another version of a module", async () => {
    const judged = await judge(await build(ENGINE), await build({ module: "other", path: "random" }));
    const [problem] = judged.inspection.problems;
    expect(problem).toMatchObject({ code: "PACKAGE_DIFFERS", packages: ["example.com/greet"] });
    expect(problem?.message).toContain("example.com/greet, v1.1.0 in the engine and v1.0.0 in the plugin");
  });

  test("Go does not try a file again: only a restart helps", async () => {
    const engine = await build(ENGINE);
    const plugin = join(folder, "replaced.so");
    await copyFile(await build({ ...PLUGIN, module: "changed-engine" }), plugin);
    const { inspection } = await judge(engine, plugin);
    expect(inspection.problems[0]?.message).toContain("restart the engine");
    const corrected = join(folder, "corrected.so");
    await copyFile(await build(PLUGIN), corrected);
    const { error } = await load(engine, plugin, ["Random"], { REPLACE_BY: corrected });
    expect(error).toContain("previous failure");
    await judge(engine, plugin); // by a new process
  });
});

test("a plugin without cgo: Go builds none, or the verdict is that of its loading", async () => {
  const plugin = await build({ ...PLUGIN, env: { CGO_ENABLED: "0" } }).catch((error: Error) => error);
  if (plugin instanceof Error) expect(plugin.message).toMatch(/cgo/);
  else await judge(await build(ENGINE), plugin);
});

describe("symbols", () => {
  test("a name that the plugin does not have", async () => {
    const judged = await judge(await build(ENGINE), await build(PLUGIN), { wanted: ["Random", "Echo"] });
    expect(codes(judged)).toEqual(["SYMBOL_MISSING"]);
    expect(judged.inspection.problems[0]?.message).toMatch(/look up Echo .* which has Count, Keep and Random/);
    expect(judged.loading.found).toEqual({ Random: true, Echo: false });
  });

  test("a plugin that was linked with a path of its own", async () => {
    const plugin = await build({ ...PLUGIN, flags: ["-ldflags=-pluginpath=some/where"] });
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["SYMBOL_MISSING"]);
    expect(judged.inspection.problems[0]?.message).toContain("build it without -ldflags=-pluginpath");
  });

  test("a name in lower case, a type and a method", async () => {
    for (const symbol of ["Random", "random", "Upper", "hidden"]) {
      const judged = await judge(await build(ENGINE), await build({ path: "plugins/lower" }), { wanted: [symbol] });
      expect(codes(judged)).toEqual(["SYMBOL_MISSING"]);
    }
  });
});

describe("what is no Go plugin", () => {
  test("a text", async () => {
    const plugin = join(folder, "text.so");
    await writeFile(plugin, "This is a file that some test corpus has in place of a plugin, 70 bytes");
    expect(codes(await judge(await build(ENGINE), plugin))).toEqual(["NOT_ELF"]);
  });

  test("an empty file", async () => {
    const plugin = join(folder, "empty.so");
    await writeFile(plugin, "");
    expect(codes(await judge(await build(ENGINE), plugin))).toEqual(["NOT_ELF"]);
  });

  test("a C library, which ends the engine's process", async () => {
    const plugin = await workshop.buildLibrary("library.so", "int Random(void) { return 1; }");
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["NOT_GO_PLUGIN"]);
    expect(judged.loading).toMatchObject({ crashed: true, error: expect.stringContaining("no plugin module data") });
  });

  test.each<[string, Build]>([
    ["a Go program", { path: "cmd/tool", mode: "exe" }],
    ["a Go program that is loaded anywhere", { path: "cmd/tool", mode: "pie" }],
    ["the engine", ENGINE],
    ["the engine, loaded anywhere", { ...ENGINE, mode: "pie" }],
    ["a C library in Go", { path: "plugins/clibrary", mode: "c-shared" }],
  ])("%s", async (_, what) => {
    expect(codes(await judge(await build(ENGINE), await build(what)))).toEqual(["NOT_GO_PLUGIN"]);
  });

  test("a plugin that is cut off", async () => {
    const whole = await build(PLUGIN);
    const { length } = await readFile(whole);
    for (const part of [0.1, 0.3, 0.5]) {
      const plugin = join(folder, `cut-${part}.so`);
      await copyFile(whole, plugin);
      await truncate(plugin, Math.floor(length * part));
      expect(codes(await judge(await build(ENGINE), plugin))).toEqual(["FILE_TRUNCATED"]);
    }
  });

  test("a plugin that lost what loading does not need", async () => {
    const plugin = join(folder, "without-sections.so");
    await copyFile(await build({ ...PLUGIN, strip: true }), plugin);
    await forgetSections(plugin);
    const { inspection } = await judge(await build(ENGINE), plugin);
    expect(inspection.exports).toEqual(["Count", "Keep", "Random"]);
  });
});

/** Takes the section headers away, as sstrip does. */
async function forgetSections(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(Buffer.alloc(8), 0, 8, 40); // e_shoff
    await file.write(Buffer.alloc(4), 0, 4, 60); // e_shnum, e_shstrndx
  } finally {
    await file.close();
  }
}

describe("other systems", () => {
  const patched = async (name: string, change: (bytes: Buffer) => void) => {
    const bytes = await readFile(await build(PLUGIN));
    change(bytes);
    const plugin = join(folder, name);
    await writeFile(plugin, bytes);
    return plugin;
  };

  test("another CPU", async () => {
    const plugin = await patched("arm64.so", (bytes) => bytes.writeUInt16LE(183, 18));
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["WRONG_CPU"]);
    expect(judged.inspection.problems[0]?.message).toContain("built for arm64");
  });

  test("a newer glibc", async () => {
    const plugin = await patched("glibc.so", (bytes) => bytes.write("GLIBC_2.99\0", bytes.indexOf("GLIBC_2.3")));
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["GLIBC_TOO_OLD"]);
    expect(judged.loading.error).toContain("GLIBC_2.99");
    const [, here] = /this system has (\S+):/.exec(judged.inspection.problems[0]?.message ?? "") ?? [];
    const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime: string } };
    expect(here).toBe(report.header.glibcVersionRuntime);
  });
});

describe("libraries", () => {
  const needing = async (...ldflags: string[]) => {
    const library = await workshop.buildLibrary("libforeign.so", "int foreign(void) { return 7; }");
    const flags = ["-L", dirname(library), ...ldflags].join(" ");
    const plugin = await workshop.build({
      path: "plugins/foreign",
      env: { CGO_LDFLAGS: flags, CGO_LDFLAGS_ALLOW: ".*" },
    });
    const own = await mkdtemp(join(folder, "libraries-"));
    const moved = { plugin: join(own, basename(plugin)), library: join(own, "libforeign.so") };
    await cp(plugin, moved.plugin);
    await cp(library, moved.library);
    await rm(library);
    return { ...moved, folder: own };
  };

  test("one that is not on this system", async () => {
    const { plugin } = await needing();
    const judged = await judge(await build(ENGINE), plugin);
    expect(codes(judged)).toEqual(["LIBRARY_MISSING"]);
    expect(judged.inspection.problems[0]?.message).toContain("libforeign.so");
    expect(judged.loading.error).toContain("libforeign.so");
  });

  test("before install.sh ran it may be missing", async () => {
    const { plugin } = await needing();
    const inspector = createInspector({
      config: { binary: await build(ENGINE), verify: "warn" },
      baseFolder: folder,
      env: {},
    });
    expect(await inspector.inspect(plugin, ["Random"], { libraries: false })).toMatchObject({ verdict: "compatible" });
  });

  test("in a folder of LD_LIBRARY_PATH, and there for another CPU", async () => {
    const { plugin, folder: own, library } = await needing();
    const env = { LD_LIBRARY_PATH: `/nowhere:${own}` };
    await judge(await build(ENGINE), plugin, { env });
    const code = await readFile(library);
    code.writeUInt16LE(183, 18); // e_machine: arm64
    await writeFile(library, code);
    const judged = await judge(await build(ENGINE), plugin, { env });
    expect(codes(judged)).toEqual(["LIBRARY_MISSING"]);
    expect(judged.inspection.problems[0]?.message).toContain(own);
  });

  test("in a folder of the engine's own LD_LIBRARY_PATH, which is a setting", async () => {
    const { plugin, folder: own } = await needing();
    const engine = await build(ENGINE);
    const inspectWith = (libraryPath: string, ours: string) =>
      createInspector({
        config: { binary: engine, verify: "warn", libraryPath },
        baseFolder: folder,
        env: { LD_LIBRARY_PATH: ours },
      }).inspect(plugin, ["Random"]);
    expect(await inspectWith(own, "/nowhere")).toMatchObject({
      verdict: "compatible",
      problems: [{ code: "LIBRARY_PATH", message: expect.stringContaining(`engine.libraryPath (${own})`) }],
    });
    const [byOurs] = (await inspectWith("", own)).problems;
    expect(byOurs?.message).toContain(`${join(own, "libforeign.so")}, to which only this server's own LD_LIBRARY_PATH`);
    expect((await load(engine, plugin, ["Random"], { LD_LIBRARY_PATH: own })).error).toBe("");
    const { problems } = await inspectWith("/nowhere", own);
    expect(problems).toMatchObject([{ code: "LIBRARY_MISSING" }]);
    expect(problems[0]?.message).toContain("engine.libraryPath should be that of the engine's process");
    expect((await load(engine, plugin, ["Random"], { LD_LIBRARY_PATH: "/nowhere" })).error).not.toBe("");
    expect((await inspectWith("", "")).problems[0]?.message).toContain("set engine.libraryPath to it");
  });

  test.each(["-Wl,--enable-new-dtags", "-Wl,--disable-new-dtags"])("beside the plugin, %s", async (tags) => {
    const { plugin, library } = await needing(tags, "-Wl,-rpath,$ORIGIN");
    await judge(await build(ENGINE), plugin);
    await rm(library);
    expect(codes(await judge(await build(ENGINE), plugin))).toEqual(["LIBRARY_MISSING"]);
  });
});

describe("engines", () => {
  test("one that was built without cgo loads nothing", async () => {
    const engine = await build({ ...ENGINE, env: { CGO_ENABLED: "0" } });
    const judged = await judge(engine, await build(PLUGIN));
    expect(codes(judged)).toEqual(["ENGINE_WITHOUT_PLUGINS"]);
    expect(judged.inspection.problems[0]?.message).toMatch(
      /built without cgo; build it with CGO_ENABLED=1|built without cgo or linked statically/,
    );
    expect(judged.loading.error).toBe("plugin: not implemented");
  });

  test("a static one loads nothing", async () => {
    const engine = await build({ ...ENGINE, flags: ["-ldflags=-extldflags=-static"] });
    const judged = await judge(engine, await build(PLUGIN));
    expect(codes(judged)).toEqual(["ENGINE_WITHOUT_PLUGINS"]);
    expect(judged.inspection.problems[0]?.message).toMatch(/linked statically/);
  });

  test("one that was built of other sources by the same Go", async () => {
    const engine = await build({ ...ENGINE, module: "changed-engine" });
    await judge(engine, await build({ ...PLUGIN, module: "changed-engine" }));
    expect(codes(await judge(engine, await build(PLUGIN)))).toEqual(["PACKAGE_DIFFERS"]);
  });
});
