import { chmod, mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { createInspector, type Inspector } from "../../src/inspect/inspector.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { withoutRoot } from "../support/without-root.ts";
import { codesOf, engine, fileOf, plugin } from "./kit.ts";

/** Which engine a plugin is compared with, and when it is read again. */

let base: string;
let so: string;
let inspector: Inspector;

const make = (binary = "") =>
  createInspector({ config: { binary, verify: "warn" }, baseFolder: base, env: { LD_LIBRARY_PATH: undefined } });

beforeEach(async () => {
  base = await tempFolder();
  await mkdir(join(base, "bin"));
  so = await fileOf(plugin());
  inspector = make();
});

const put = (path: string, content: Buffer | string) => writeFile(join(base, path), content);
const COMMAND_LINE = engine({ packages: {} });

describe("where the engine is", () => {
  test.each(["kuiperd", "kuiper", "server"])("bin/%s", async (name) => {
    await put(`bin/${name}`, engine());
    const inspection = await inspector.inspect(so, ["Random"]);
    expect(inspection.verdict).toBe("compatible");
    expect(inspection.engineFacts?.path).toBe(join(base, "bin", name));
  });

  test("bin/kuiperd comes first", async () => {
    for (const name of ["kuiper", "kuiperd", "server"]) await put(`bin/${name}`, engine());
    expect((await inspector.inspect(so, [])).engineFacts?.path).toBe(join(base, "bin/kuiperd"));
  });

  test("a command line beside it is ignored", async () => {
    await put("bin/kuiper", COMMAND_LINE);
    await put("bin/server", engine());
    expect((await inspector.inspect(so, [])).engineFacts?.path).toBe(join(base, "bin/server"));
  });

  test("a command line alone is not taken for an engine that loads nothing", async () => {
    await put("bin/kuiper", COMMAND_LINE);
    const inspection = await inspector.inspect(so, []);
    expect(codesOf(inspection)).toEqual(["ENGINE_UNKNOWN"]);
    expect(inspection.problems[0]?.message).toContain("bin/kuiper loads no plugins, so it is not the engine");
  });

  test.each(["bin/kuiperd", "bin/other"])("what is named, or has the engine's own name, is: %s", async (path) => {
    await put(path, COMMAND_LINE);
    const named = path === "bin/kuiperd" ? inspector : make(path);
    expect(codesOf(await named.inspect(so, []))).toEqual(["ENGINE_WITHOUT_PLUGINS"]);
  });

  test("the setting, relative and absolute; it alone counts", async () => {
    await put("bin/kuiperd", engine());
    await put("mine", engine({ packages: { runtime: "00" } }));
    for (const binary of ["mine", join(base, "mine")]) {
      expect(codesOf(await make(binary).inspect(so, []))).toEqual(["PACKAGE_DIFFERS"]);
    }
    expect(codesOf(await make("missing").inspect(so, []))).toEqual(["ENGINE_UNKNOWN"]);
  });

  test("what is asked for and is not there is no matter of the settings", async () => {
    await put("bin/kuiperd", engine());
    const message = async (asked: Inspector, engine?: string) =>
      (await asked.inspect(so, [], engine === undefined ? {} : { engine })).problems[0]?.message;
    expect(await message(make("missing"))).toMatch(
      /missing is not there, .*: set engine\.binary to the engine's executable$/,
    );
    expect(await message(inspector, "missing")).toMatch(
      /missing is not there, .*: correct the path that was asked for$/,
    );
  });

  test("another one for one inspection", async () => {
    await put("bin/kuiperd", engine());
    await put("other", engine({ packages: { runtime: "00" } }));
    expect(codesOf(await inspector.inspect(so, [], { engine: "other" }))).toEqual(["PACKAGE_DIFFERS"]);
    expect(codesOf(await inspector.inspect(so, []))).toEqual([]);
  });

  test("nowhere", async () => {
    const inspection = await inspector.inspect(so, ["Random"]);
    expect(inspection).toMatchObject({ verdict: "unknown", engineFingerprint: "", engineFacts: undefined });
    expect(await inspector.engineFingerprint()).toBe("");
    expect(inspection.problems[0]?.message).toMatch(/no engine's file .*kuiperd, .*kuiper, .*server/);
  });
});

describe("the engine's fingerprint", () => {
  test("is that of the inspection, and stays", async () => {
    await put("bin/kuiperd", engine());
    const { engineFingerprint } = await inspector.inspect(so, []);
    expect(engineFingerprint).not.toBe("");
    expect(await inspector.engineFingerprint()).toBe(engineFingerprint);
    expect(await make().engineFingerprint()).toBe(engineFingerprint);
    expect(await inspector.engineFingerprint("bin/kuiperd")).toBe(engineFingerprint);
  });

  test("changes with the file, and so does the answer", async () => {
    await put("bin/kuiperd", engine());
    const before = await inspector.inspect(so, []);
    await put("new", engine({ packages: { runtime: "0000000000000000" } }));
    await rename(join(base, "new"), join(base, "bin/kuiperd"));
    const after = await inspector.inspect(so, []);
    expect([before.verdict, after.verdict]).toEqual(["compatible", "incompatible"]);
    expect(after.engineFingerprint).not.toBe(before.engineFingerprint);
    expect(await inspector.engineFingerprint()).toBe(after.engineFingerprint);
    await rm(join(base, "bin/kuiperd"));
    expect(await inspector.engineFingerprint()).toBe("");
  });

  test("changes when it is written to within the same size and time", async () => {
    await put("bin/kuiperd", engine());
    const time = new Date(1_000_000_000_000);
    await utimes(join(base, "bin/kuiperd"), time, time);
    const before = await inspector.engineFingerprint();
    await put("bin/kuiperd", engine({ packages: { runtime: "0000000000000000", main: "2222222222222222" } }));
    await utimes(join(base, "bin/kuiperd"), time, time);
    expect(await inspector.engineFingerprint()).not.toBe(before);
    expect(codesOf(await inspector.inspect(so, []))).toEqual(["PACKAGE_DIFFERS"]);
  });

  test("is there for what can't be compared with, too", async () => {
    await put("bin/kuiperd", "a script");
    const { engineFingerprint, verdict } = await inspector.inspect(so, []);
    expect(verdict).toBe("unknown");
    expect(engineFingerprint).not.toBe("");
    expect(await inspector.engineFingerprint()).toBe(engineFingerprint);
  });

  test("of many engines, one after the other", async () => {
    for (let index = 0; index < 10; index += 1) await put(`engine${index}`, engine());
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 10; index += 1) {
        const { verdict } = await inspector.inspect(so, [], { engine: `engine${index}` });
        expect(verdict).toBe("compatible");
      }
    }
  });
});

test("an engine that may not be read", async () => {
  await put("bin/kuiperd", engine());
  await chmod(join(base, "bin/kuiperd"), 0);
  await put("random.so", plugin());
  await chmod(base, 0o755);
  const inspection = await withoutRoot(() => inspector.inspect(join(base, "random.so"), []));
  expect(codesOf(inspection)).toEqual(["ENGINE_UNKNOWN"]);
  expect(inspection.problems[0]?.message).toContain("can't be opened");
});

test("many at once", async () => {
  await put("bin/kuiperd", engine());
  const inspections = await Promise.all(Array.from({ length: 50 }, () => inspector.inspect(so, ["Random"])));
  expect(new Set(inspections.map(({ verdict }) => verdict))).toEqual(new Set(["compatible"]));
});

test("the system has a fingerprint", async () => {
  const fingerprint = await inspector.systemFingerprint();
  expect(fingerprint).toMatch(/^[\w-]{22}$/);
  expect(await make().systemFingerprint()).toBe(fingerprint);
  const other = createInspector({
    config: { binary: "", verify: "warn" },
    baseFolder: base,
    env: { LD_LIBRARY_PATH: "/opt/lib" },
  });
  expect(await other.systemFingerprint()).not.toBe(fingerprint);
});
