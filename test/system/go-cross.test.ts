import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInspector } from "../../src/inspect/inspector.ts";
import { type Build, GoWorkshop } from "../support/go-workshop.ts";
import { ROWS, SymbolWorkshop } from "../support/symbol-workshop.ts";

/**
 * What is said of engines and plugins for other CPUs, built here and only read: the expected verdicts are those that Go
 * gives on amd64, see go-plugins.test.ts and symbol-types.test.ts. Needs Debian's gcc-aarch64-linux-gnu with
 * libc6-dev-arm64-cross, and gcc-arm-linux-gnueabihf with libc6-dev-armhf-cross.
 */
const TARGETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  arm64: { GOOS: "linux", GOARCH: "arm64", CGO_ENABLED: "1", CC: "aarch64-linux-gnu-gcc" },
  arm: { GOOS: "linux", GOARCH: "arm", GOARM: "7", CGO_ENABLED: "1", CC: "arm-linux-gnueabihf-gcc" },
};

const ENGINE: Build = { path: "cmd/engine", mode: "exe" };
const PLUGIN: Build = { path: "plugins/random" };

/** What an engine, a plugin and the symbols that are looked up lead to: codes of problems, of which none is compatible. */
const TABLE: Readonly<Record<string, readonly [engine: Build, plugin: Build, codes: string[], symbols?: string[]]>> = {
  "the same build": [ENGINE, PLUGIN, [], ["Random", "Count", "Keep"]],
  "both stripped": [{ ...ENGINE, strip: true }, { ...PLUGIN, strip: true }, []],
  "an engine that is loaded anywhere": [{ ...ENGINE, mode: "pie" }, PLUGIN, []],
  "the same in another folder, with -trimpath": [ENGINE, { ...PLUGIN, module: "elsewhere" }, []],
  "only the engine with -trimpath": [ENGINE, { ...PLUGIN, trimpath: false }, ["PACKAGE_DIFFERS"]],
  "only the plugin with -trimpath": [{ ...ENGINE, trimpath: false }, PLUGIN, ["PACKAGE_DIFFERS"]],
  "one shared package changed": [ENGINE, { ...PLUGIN, module: "changed-engine" }, ["PACKAGE_DIFFERS"]],
  "another version of a module": [ENGINE, { module: "other", path: "random" }, ["PACKAGE_DIFFERS"]],
  "a symbol that it does not have": [ENGINE, PLUGIN, ["SYMBOL_MISSING"], ["Echo"]],
  "a Go program": [ENGINE, { path: "cmd/tool", mode: "exe" }, ["NOT_GO_PLUGIN"]],
  "a C library in Go": [ENGINE, { path: "plugins/clibrary", mode: "c-shared" }, ["NOT_GO_PLUGIN"]],
  "an engine without cgo": [{ ...ENGINE, env: { CGO_ENABLED: "0" } }, PLUGIN, ["ENGINE_WITHOUT_PLUGINS"]],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Why nothing can be built for a target; `""` when it can. */
async function whyNot({ CC = "" }: Readonly<Record<string, string>>): Promise<string> {
  try {
    await promisify(execFile)(CC, ["--version"]);
    return "";
  } catch (error) {
    return `the C compiler ${CC} does not run here: ${(error as Error).message}`;
  }
}

function inspectorOf(engine: string) {
  return createInspector({ config: { binary: engine, verify: "warn" }, baseFolder: folder, env: {} });
}

describe.each(Object.entries(TARGETS))("%s", async (cpu, env) => {
  const reason = await whyNot(env);

  test("packages, symbols and kinds of files", async ({ skip }) => {
    skip(reason !== "", reason);
    const workshop = await GoWorkshop.open(join(folder, cpu), env);
    for (const [name, [engine, plugin, codes, symbols = ["Random"]]] of Object.entries(TABLE)) {
      const inspector = inspectorOf(await workshop.build(engine));
      const { problems, verdict, plugin: facts } = await inspector.inspect(await workshop.build(plugin), symbols);
      expect({ name, problems, verdict, facts }).toMatchObject({
        problems: codes.map((code) => ({ code })),
        verdict: codes.length === 0 ? "compatible" : "incompatible",
        facts: { cpu },
      });
    }
  });

  test("a plugin of this system, and the reverse", async ({ skip }) => {
    skip(reason !== "", reason);
    const other = await GoWorkshop.open(join(folder, `${cpu}-other`), env);
    const own = await GoWorkshop.open(join(folder, `${cpu}-own`));
    for (const [engine, plugin] of [
      [own, other],
      [other, own],
    ] as const) {
      const inspector = inspectorOf(await engine.build(ENGINE));
      const { problems } = await inspector.inspect(await plugin.build(PLUGIN), ["Random"]);
      expect(problems).toMatchObject([{ code: "WRONG_CPU", message: expect.stringContaining(`${cpu}`) }]);
    }
  });

  test("types of symbols", async ({ skip }) => {
    skip(reason !== "", reason);
    const workshop = new SymbolWorkshop(join(folder, `${cpu}-symbols`));
    for (const flags of [[], ["-ldflags=-s -w"]]) {
      const inspector = inspectorOf(await workshop.engine(flags, env));
      for (const [name, { type = "sources", says }] of Object.entries(ROWS)) {
        const plugin = await workshop.plugin(name, flags, env);
        const { problems } = await inspector.inspect(plugin, ["Random"], { pluginType: type });
        expect({ name, problems }).toMatchObject({ problems: says === undefined ? [] : [{ code: "SYMBOL_TYPE" }] });
      }
    }
  });
});
