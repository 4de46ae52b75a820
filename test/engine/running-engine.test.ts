import { describe, expect } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { EngineClient } from "../../src/engine/engine-client.ts";
import { isFrom, opensAtStart } from "../../src/engine/engine-version.ts";
import { askAbout, isNewProcess } from "../../src/engine/running-engine.ts";
import { startFileServer } from "../support/file-server.ts";
import { test } from "../support/fixtures.ts";

/** What an engine says of itself, which may be no engine, or one with another clock. */

const about = test.extend("ask", ({ folder }, { onCleanup }) => async (body: string) => {
  const server = await startFileServer({ "/": (_request, response) => void response.end(body) });
  onCleanup(() => server.close());
  const config = { ...loadConfig("/nowhere/none.yaml", {}).config.engine, url: new URL(server.url("/")).origin };
  return askAbout(new EngineClient({ config, baseFolder: folder }));
});

describe("what an engine says of itself", () => {
  about("may have a time below zero", async ({ ask }) => {
    const { startedAt, upTimeSeconds } = await ask('{"version":"1.0.2","upTimeSeconds":-3600}');
    expect(upTimeSeconds).toBe(-3600);
    expect(startedAt.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
  });

  for (const body of ["{}", "[]", "null", '"x"', '{"upTimeSeconds":"1"}', '{"upTimeSeconds":1e300}']) {
    about(`is refused where it is ${body}`, async ({ ask }) => {
      await expect(ask(body)).rejects.toMatchObject({ code: "ENGINE_REFUSED" });
    });
  }
});

describe("a process", () => {
  const at = (seconds: number, tookMs = 0) => ({ startedAt: new Date(seconds * 1000), tookMs });

  test("is another one where it started later, or earlier", () => {
    expect(isNewProcess(at(100), at(103))).toBe(true);
    expect(isNewProcess(at(100), at(97))).toBe(true);
    expect(isNewProcess(at(100), at(102))).toBe(false);
    expect(isNewProcess(at(100), at(98))).toBe(false);
  });

  test("is the same where a slow answer may be the reason", () => {
    expect(isNewProcess(at(100, 9000), at(111))).toBe(false);
    expect(isNewProcess(at(100, 9000), at(112))).toBe(true);
    expect(isNewProcess(at(100), at(89, 9000))).toBe(false);
    expect(isNewProcess(at(100), at(88, 9000))).toBe(true);
  });
});

describe("a version", () => {
  test("is compared by its numbers", () => {
    expect(["1.0.2", "1.5.9", "0.9"].map(opensAtStart)).toEqual([false, false, false]);
    expect(["1.6.0", "1.10.0", "v2.1.0-beta.1", "", "dev"].map(opensAtStart)).toEqual([true, true, true, true, true]);
    expect(isFrom("1.13.3-12-gabc", 1, 13)).toBe(true);
    expect(isFrom("1.9", 1, 13)).toBe(false);
  });
});
