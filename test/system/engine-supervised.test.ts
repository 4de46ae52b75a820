import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../support/http-client.ts";
import { EngineStack, type Supervised } from "./engine-stack.ts";
import { buildHost, type HostBuild, type HostPlugin } from "./host-build.ts";
import { waitFor } from "./programs.ts";

/** An engine that calls plugins for real, and this server in front of it: both under supervisord, both killed. */

let folder: string;
let build: HostBuild;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
  build = await buildHost(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const RESTARTS = ["stop", '["supervisorctl","-c","CONFIGURATION","restart","kuiper"]'] as const;

/** Version 1 is installed and loaded, and a rule gets its messages. */
async function withRule(settings: Readonly<Record<string, string>> = {}): Promise<EngineStack> {
  const stack = await EngineStack.start({ build, settings: { ENGINE__RESTART: "stop", ...settings } });
  expect((await stack.put("POST", "random", "1.0.0")).headers["plugin-activation"]).toBe("loaded");
  await stack.createRule();
  expect(await stack.messageVersion()).toBe(1);
  return stack;
}

/** How the restart ended, from this server's log: the server that was killed has no job any more. */
function outcome(stack: EngineStack): Promise<string> {
  return waitFor(
    "the end of the restart",
    async () => /"msg":"the engine was restarted: ([\w-]+)"/.exec(await stack.log("server"))?.[1],
    90,
  );
}

describe("a first install", () => {
  test.each(["1.0.2", "1.8.0", "2.4.0"])("is live in an engine of version %s, without a restart", async (version) => {
    const stack = await EngineStack.start({ build, version });
    const pid = await stack.pid("engine");
    expect((await stack.put("POST", "random", "1.0.0")).headers["plugin-activation"]).toBe("loaded");
    const so = await stack.soFile("Random@v1.0.0.so");
    expect(so.equals(build.contents("random").soContent as Buffer)).toBe(true);
    await stack.createRule();
    expect(await stack.messageVersion()).toBe(1);
    expect(await stack.pid("engine")).toBe(pid);
    expect(await stack.get("/engine")).toMatchObject({ reachable: true, version, pending: [] });
    expect(await stack.get("/plugins/sources/random")).toMatchObject({
      engine: "loaded",
      usedBy: { rules: ["rule1"] },
    });
  });

  test("that does not load stays installed, and says why it is not live", async () => {
    const stack = await EngineStack.start({ build, settings: { ENGINE__VERIFY: "off" } });
    const { status, headers } = await stack.put("POST", "unfit", "1.0.0");
    expect(status).toBe(201);
    expect(headers["plugin-activation"]).toMatch(/^restart-required; reason=".*different version of package/);
    expect(await stack.sources()).toEqual(["Random@v1.0.0.so"]);
  });
});

describe.each(RESTARTS)("with engine.restart %s", (restart) => {
  test("an update is proven by the rule that runs", async () => {
    const stack = await withRule({ ENGINE__RESTART: restart });
    const pid = await stack.pid("engine");
    const { status, headers } = await stack.put("PUT", "random2", "2.0.0", "?restart=1");
    expect(status).toBe(200);
    const result = await stack.job(String(headers.job));
    expect(result).toMatchObject({ outcome: "healthy", worse: [], undone: [] });
    expect(await stack.messageVersion()).toBe(2);
    expect(await stack.pid("engine")).not.toBe(pid);
  });

  test.each<[HostPlugin, RegExp]>([
    ["unfit", /sources plugin random error: not found/],
    ["nodevice", /device \/dev\/sensor7 is missing/],
  ])("an update to %s is undone", async (plugin, reason) => {
    const stack = await withRule({ ENGINE__RESTART: restart, ENGINE__VERIFY: "off" });
    const { headers } = await stack.put("PUT", plugin, "2.0.0", "?restart=1");
    const result = await stack.job(String(headers.job));
    const undone = [{ type: "sources", name: "random", from: "1.0.0", to: "2.0.0" }];
    expect(result).toMatchObject({ outcome: "rolled-back", undone });
    expect(JSON.stringify(result.worse)).toMatch(reason);
    expect(await stack.messageVersion()).toBe(1);
    expect(await stack.sources()).toEqual(["Random@v1.0.0.so"]);
  });

  test("an update with which the engine never comes back is undone", async () => {
    // Also the time that the engine has to come back in after the undo, on a machine that may stall.
    const stack = await withRule({ ENGINE__RESTART: restart, ENGINE__RESTARTTIMEOUTSECONDS: "15" });
    const { headers } = await stack.put("PUT", "fatal", "2.0.0", "?restart=1");
    const result = await stack.job(String(headers.job));
    expect(result).toMatchObject({ outcome: "rolled-back" });
    expect(await stack.log("engine")).toContain("the licence of this plugin has expired");
    expect(await stack.messageVersion()).toBe(1);
  });
});

describe("a kill while the engine has the plugin's files", () => {
  test.each<[string, readonly Supervised[]]>([
    ["install-half", ["engine"]],
    ["install-half", ["server"]],
    ["install-half", ["engine", "server"]],
    ["install-half", ["server", "engine"]],
    ["install-done", ["engine"]],
    ["install-done", ["server"]],
  ])("at %s of %s leaves it whole or absent", async (point, killed) => {
    const stack = await EngineStack.start({ build });
    await stack.haltAt(point);
    const installing = stack.put("POST", "random", "1.0.0").catch(() => undefined); // the server may be killed
    await stack.halted(point);
    for (const program of killed) await stack.kill(program);
    await stack.goOn();
    await installing;
    await stack.answers();
    const whole = build.contents("random").soContent as Buffer;
    await waitFor("a plugin that is whole or absent", async () => {
      const [so] = await stack.sources();
      const plugins = (await stack.get("/plugins/sources")) as string[];
      if (so === undefined) return plugins.length === 0 ? true : undefined;
      return plugins.includes("random") && (await stack.soFile(so)).equals(whole) ? true : undefined;
    });
    await stack.kill("engine");
    await stack.answers();
    await stack.createRule();
    expect(await stack.messageVersion()).toBe(1);
  });
});

describe("a kill in the middle of a restart", () => {
  // Where the engine is halted: before the snapshot, before it ends, at its start (wait), and while its rules are asked for.
  test.each<[string, readonly Supervised[]]>([
    ["get /rules", ["server"]],
    ["post /stop", ["server"]],
    ["post /stop", ["engine"]],
    ["start", ["server"]],
    ["start", ["engine"]],
    ["start", ["server", "engine"]],
  ])("at %s of %s ends with the rule running again", async (point, killed) => {
    const stack = await withRule();
    expect((await stack.put("PUT", "nodevice", "2.0.0")).status).toBe(200);
    await stack.haltAt(point);
    const restart = () => send(`${stack.url}/engine/restart`, { method: "POST" });
    expect((await restart()).status).toBe(202);
    await stack.halted(point);
    for (const program of killed) await stack.kill(program);
    await stack.goOn();
    await stack.answers();
    // Before the engine was told to end, nothing has happened: the change waits for the next restart.
    if (point === "get /rules") expect((await restart()).status).toBe(202);
    expect(await outcome(stack)).toBe("rolled-back");
    expect(await stack.messageVersion()).toBe(1);
  });
});
