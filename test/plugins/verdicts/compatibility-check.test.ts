import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createInspector } from "../../../src/inspect/inspector.ts";
import { CompatibilityCheck } from "../../../src/plugins/verdicts/compatibility-check.ts";
import { engine } from "../../inspect/kit.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("a verdict's basis is another one when a library comes, and when the engine is another", async () => {
  const base = await tempFolder();
  const libraries = await tempFolder();
  const so = join(base, "random.so");
  await writeFile(so, "x");
  const check = new CompatibilityCheck({
    inspector: createInspector({
      config: { binary: "engine", verify: "warn" },
      baseFolder: base,
      env: { LD_LIBRARY_PATH: libraries },
    }),
    soFolder: () => base,
    entries: () => new Map(),
    verify: "warn",
  });
  const basis = async () => check.basisOf(so, await check.environment());
  const first = await basis();
  expect(await basis()).toBe(first);
  await writeFile(join(libraries, "libforeign.so"), "x");
  const second = await basis();
  expect(second).not.toBe(first);
  await writeFile(join(base, "engine"), engine());
  expect(await basis()).not.toBe(second);
});
