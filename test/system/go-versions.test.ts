import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createInspector } from "../../src/inspect/inspector.ts";
import { findGoToolchain, otherGoVersions } from "../support/go-toolchains.ts";
import { type Build, GoWorkshop, load } from "../support/go-workshop.ts";

/** An engine of one Go and a plugin of another: what is said of them, against what Go says. */

const VERSIONS = otherGoVersions(process.env);
const ENGINE: Build = { path: "cmd/engine", mode: "exe" };
const PLUGIN: Build = { path: "plugins/random" };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.runIf(VERSIONS.length === 0)("without GO_VERSIONS", ({ skip }) => {
  skip("GO_VERSIONS names no Go besides the installed one, such as GO_VERSIONS=1.22.12");
});

test.for(VERSIONS)("the installed Go and Go %s", { timeout: 600_000 }, async (version, { skip }) => {
  const other = await findGoToolchain(version);
  if (typeof other === "string") skip(other);
  else await expectDifference(await GoWorkshop.open(join(folder, version), other.env));
});

async function expectDifference(theirs: GoWorkshop): Promise<void> {
  const ours = await GoWorkshop.open(join(folder, "installed"));
  for (const [one, another] of [
    [ours, theirs],
    [theirs, ours],
  ] as const) {
    for (const strip of [false, true]) {
      const engine = await one.build({ ...ENGINE, strip });
      const plugin = await another.build({ ...PLUGIN, strip });
      const inspector = createInspector({ config: { binary: engine, verify: "warn" }, baseFolder: folder, env: {} });
      const { problems, verdict, engineFacts } = await inspector.inspect(plugin, ["Random"]);
      const [code] = problems.map((problem) => problem.code);
      expect({ verdict, code }).toEqual({ verdict: "incompatible", code: expect.stringMatching(/_DIFFERS$/) });
      expect(problems.find((problem) => problem.code === "PACKAGE_DIFFERS")?.packages).toContain("runtime");
      // Debug information tells the plugin's; without it, only the way that symbols are spelled may.
      if (!strip) expect(problems[0]?.message).toContain(`and the engine with ${engineFacts?.goVersion}`);
      expect((await load(engine, plugin, ["Random"])).error).not.toBe("");
    }
  }
}
