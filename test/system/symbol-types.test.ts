import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInspector } from "../../src/inspect/inspector.ts";
import { type Age, APIS, ROWS, SymbolWorkshop, useSymbol } from "../support/symbol-workshop.ts";

/** What is said of the type of a plugin's symbol, against the type switch of an engine. */

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const STRIPPED = ["-ldflags=-s -w"];

async function inspectSymbol(engine: string, name: string, plugin: string) {
  const { type = "sources" } = ROWS[name] ?? {};
  const inspector = createInspector({ config: { binary: engine, verify: "warn" }, baseFolder: folder, env: {} });
  return await inspector.inspect(plugin, ["Random"], { pluginType: type });
}

/** The verdict and the engine must agree. */
async function expectAgreement(engine: string, name: string, plugin: string): Promise<void> {
  const { type = "sources", says } = ROWS[name] ?? {};
  const { verdict, problems } = await inspectSymbol(engine, name, plugin);
  const answer = await useSymbol(engine, type, plugin);
  expect({ name, problems, verdict, answer }).toMatchObject({
    verdict: says === undefined ? "compatible" : "incompatible",
    answer: says === undefined ? "taken" : expect.stringMatching(/^refused /),
    problems: says === undefined ? [] : [{ code: "SYMBOL_TYPE" }],
  });
  if (says === undefined) {
    const inspector = createInspector({ config: { binary: "", verify: "warn" }, baseFolder: folder, env: {} });
    expect(await inspector.pluginTypeOf(plugin, "Random", new AbortController().signal)).toBe(type);
  }
  // Go before 1.18 and later ones write the same type in two ways.
  if (says !== undefined)
    expect(problems[0]?.message.replaceAll("interface {}", "any")).toContain(says.replaceAll("interface {}", "any"));
}

describe("every row", () => {
  let workshop: SymbolWorkshop;
  let engine: string;

  beforeAll(async () => {
    workshop = new SymbolWorkshop(folder);
    engine = await workshop.engine();
  });

  test.each(Object.keys(ROWS))("%s", async (name) => {
    await expectAgreement(engine, name, await workshop.plugin(name));
    await expectAgreement(engine, name, await workshop.plugin(name, STRIPPED));
  });

  test("a stripped engine, and one that is loaded anywhere", async () => {
    for (const flags of [STRIPPED, ["-buildmode=pie"]]) {
      const other = await workshop.engine(flags);
      for (const name of ["variable", "half", "func-source", "other-api"]) {
        await expectAgreement(other, name, await workshop.plugin(name));
      }
    }
  });
});

describe.each(Object.keys(APIS).filter((age) => age !== "1.x") as Age[])("an engine of %s", (age) => {
  test("has its interfaces elsewhere", async () => {
    const workshop = new SymbolWorkshop(folder, age);
    const engine = await workshop.engine();
    for (const name of ["func-source", "variable-sink", "variable-function", "func-pointer", "other-api", "half"]) {
      await expectAgreement(engine, name, await workshop.plugin(name));
    }
  });
});
