import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import type { ZipHost } from "../support/zip-host.ts";

/** Whether the engine will load a plugin is said before it is loaded. (What is said is tested in test/inspect.) */

const test = stoppedServerTest
  .extend("sinks", ({ server }) => (rest = "") => {
    return `${server.url}/plugins/sinks${rest}`;
  })
  .extend("orderOf", ({ host }) => (contents: Parameters<ZipHost["serveZip"]>[0] = TEXT_SO) => {
    return {
      name: contents.name,
      file: host.serveZip(contents),
    };
  });

const TEXT_SO = { type: "sinks", name: "file", soContent: "this is no program" } as const;

describe("engine.verify: warn", () => {
  test("a create is answered as always, with the verdict in a header, in describe and in the log", async ({
    server,
    sinks,
    orderOf,
  }) => {
    await server.start();
    const created = await send(sinks(), { method: "POST", body: orderOf() });
    expect([created.status, created.text]).toEqual([201, "sinks plugin file is created"]);
    expect(created.headers["plugin-compatibility"]).toMatch(/^incompatible; reason=".*ELF/);
    const described = JSON.parse((await send(sinks("/file"))).text);
    expect(described.compatibility).toEqual({
      verdict: "incompatible",
      problems: [{ code: "NOT_ELF", message: expect.stringMatching(/ELF/) }],
    });
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: 40, problem: "NOT_ELF", plugin: { type: "sinks", name: "file" } }),
    );
    expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", verdict: "incompatible" }));
  });

  test("an update is answered with the verdict too", async ({ server, sinks, orderOf }) => {
    await server.start();
    await post(sinks(), orderOf());
    const updated = await send(sinks("/file"), { method: "PUT", body: orderOf() });
    expect(updated.status).toBe(200);
    expect(updated.headers["plugin-compatibility"]).toMatch(/^incompatible; /);
  });
});

describe("engine.verify: enforce", () => {
  test("refuses a create, and nothing is left", async ({ server, sinks, orderOf }) => {
    await server.start({ ENGINE__VERIFY: "enforce" });
    const before = await server.files();
    const [status, text] = await post(sinks(), orderOf({ ...TEXT_SO, script: "touch ran" }));
    expect(status).toBe(400);
    expect(text).toMatch(
      /^sinks plugins create command error: the engine would not load this plugin: .*ELF.*engine\.verify/,
    );
    expect((await server.files()).filter((path) => !path.includes(".changes") && !path.includes(".versions"))).toEqual(
      before,
    );
    expect(await ask(sinks())).toEqual([200, "[]"]);
  });

  test("refuses before install.sh runs", async ({ server, sinks, orderOf }) => {
    await server.start({ ENGINE__VERIFY: "enforce" });
    await post(sinks(), orderOf({ ...TEXT_SO, script: "exit 1" }));
    expect(server.logged.filter(({ stage }) => stage === "script")).toEqual([]);
  });
});

describe("POST /plugins/T/inspect", () => {
  test("reports what an install would find, and installs nothing", async ({ server, sinks, orderOf }) => {
    await server.start();
    const answer = await send(sinks("/inspect"), { method: "POST", body: orderOf({ ...TEXT_SO, script: "exit 1" }) });
    expect(answer.status).toBe(200);
    expect(answer.headers["plugin-compatibility"]).toMatch(/^incompatible; /);
    expect(JSON.parse(answer.text)).toMatchObject({
      name: "file",
      version: "1.0.0",
      verdict: "incompatible",
      problems: [{ code: "NOT_ELF" }],
      script: true,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await ask(sinks())).toEqual([200, "[]"]);
    expect((await server.files()).filter((path) => path.startsWith("plugins/sinks/."))).toEqual([]);
    expect(server.logged.filter(({ msg }) => msg === "audit")).toMatchObject([{ action: "inspect", result: "done" }]);
  });

  test("works for a plugin that is installed already", async ({ server, sinks, orderOf }) => {
    await server.start();
    await post(sinks(), orderOf());
    expect((await post(sinks("/inspect"), orderOf()))[0]).toBe(200);
  });

  test("takes the zip as its body", async ({ server, sinks }) => {
    await server.start();
    const answer = await send(sinks("/inspect?name=file"), {
      method: "POST",
      body: pluginZip(TEXT_SO),
      headers: { "content-type": "application/zip" },
    });
    expect([answer.status, JSON.parse(answer.text).verdict]).toEqual([200, "incompatible"]);
  });

  test("refuses what an install would refuse", async ({ server, host, sinks }) => {
    await server.start();
    const file = host.serve("/bad.zip", Buffer.from("no zip"));
    expect(await post(sinks("/inspect"), { name: "file", file })).toEqual([
      400,
      `sinks plugins inspect command error: fail to unzip file ${file}: zip: not a valid zip file\n`,
    ]);
  });

  test("leaves the name inspect to plugins", async ({ server, sinks, orderOf }) => {
    await server.start();
    expect((await post(sinks(), orderOf({ ...TEXT_SO, name: "inspect" })))[0]).toBe(201);
    expect((await ask(sinks("/inspect")))[0]).toBe(200);
  });
});
