import { join } from "node:path";
import { describe, expect } from "vitest";
import { send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { gatedInstall, run, start, cliTest as test } from "./kit.ts";

const RANDOM = { type: "sources", name: "random" } as const;

describe("install", () => {
  test("a URL: says what came of it, and each stage once on standard error", async ({ cli, host }) => {
    const url = host.serveZip(RANDOM);
    const done = await cli("install", url, "--type", "sources", "--name", "random");
    expect(done).toMatchObject({ status: 0, stdout: expect.stringMatching(/^sources plugin random is created\n/) });
    expect(done.stdout).toContain("compared with the engine: unknown: ");
    expect(done.stdout).toContain("in the engine: waits for a restart\n");
    const lines = done.stderr.trimEnd().split("\n");
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines[0]).toMatch(/^sources\/random from http/);
    const again = await cli("install", url, "--type", "sources", "--name", "random");
    expect(again).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/duplicate\nto put .*kuiper-plugins update/),
    });
  });

  test("a zip of this machine: its name and type come from the zip, its origin is its file", async ({
    cli,
    folder,
    server,
  }) => {
    await writePluginZip(folder, RANDOM, "my random.zip");
    const done = await cli("install", "my random.zip", "--json");
    expect(done).toMatchObject({ status: 0, stderr: expect.stringMatching(/^sending \d/m) });
    expect(JSON.parse(done.stdout)).toMatchObject({ state: "done", action: "install", result: { status: 201 } });
    const shown = JSON.parse((await send(`${server.url}/plugins/sources/random`)).text);
    expect(shown.origin).toBe("upload of my_random.zip");
  });

  test("a zip with all that belongs to it", async ({ cli, folder, server }) => {
    await writePluginZip(folder, { type: "functions", name: "image", script: 'echo "$1" > "$KUIPER_ETC/said"' });
    const args = ["--type", "functions", "--functions", "resize,thumbnail", "--script-arg", "a b"];
    expect(await cli("install", "image.zip", ...args)).toMatchObject({ status: 0 });
    const { functions } = JSON.parse((await send(`${server.url}/plugins/functions/image`)).text);
    expect(functions).toEqual(["resize", "thumbnail"]);
    expect(await server.files()).toContain("etc/said");
  });

  test("a zip that may be a sink or a function needs its type", async ({ cli, folder }) => {
    await writePluginZip(folder, { type: "sinks", name: "file" });
    expect(await cli("install", "file.zip")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining("--type"),
    });
    expect(await cli("install", "file.zip", "--type", "sink")).toMatchObject({ status: 0 });
  });

  test.for([
    ["nothere.zip", 2, /there is no file nothere\.zip; looked for at /],
    [".", 2, /is a directory|is no file/],
  ] as const)("%s is refused in a sentence", async ([source, status, sentence], { cli }) => {
    const ended = await cli("install", source);
    expect(ended.stderr).toMatch(sentence);
    expect(ended).toMatchObject({ status, stdout: "" });
  });

  test("a refusal ends with 1, with the server's sentence; --json has it as a document", async ({
    cli,
    host,
    folder,
  }) => {
    const url = host.serveZip({ ...RANDOM, soContent: null });
    const args = ["install", url, "--type", "sources", "--name", "random"];
    const ended = await cli(...args);
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^kuiper-plugins: sources plugins create command error: .+$/m);
    const { status, stdout } = await cli(...args, "--json");
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { state: "failed", result: { error: "ARCHIVE_INVALID" } }]);
    await writePluginZip(folder, { ...RANDOM, soContent: null });
    expect((await cli("install", "random.zip", "--name", "random")).status).toBe(1);
  });

  test("the sha256 of a zip that is sent is compared by the server: another one is refused", async ({ cli, host }) => {
    const url = host.serveZip(RANDOM);
    const args = ["--type", "sources", "--name", "random", "--sha256", "0".repeat(64)];
    expect(await cli("install", url, ...args)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/sha256|checksum/i),
    });
  });
});

test("a change that can't be made says what to do instead", async ({ cli, folder }) => {
  await writePluginZip(folder, RANDOM);
  const update = await cli("update", "random.zip");
  expect(update).toMatchObject({ status: 4, stderr: expect.stringMatching(/not exist\nto install it: /) });
  await cli("install", "random.zip");
  await cli("remove", "random", "--yes");
  const install = await cli("install", "random.zip");
  expect(install).toMatchObject({ status: 1, stderr: expect.stringMatching(/yet\nto use the name again: restart /) });
});

test("update, rollback and remove", async ({ cli, host, folder, server }) => {
  await cli("install", host.serveZip(RANDOM), "--type", "sources", "--name", "random");
  await writePluginZip(folder, { ...RANDOM, version: "2.0.0" });
  expect(await cli("update", "random.zip")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^plugin random is updated and Kuiper must restart/),
  });
  expect((await cli("show", "random")).stdout).toMatch(/^version {5}2\.0\.0$/m);
  expect((await cli("rollback", "random", "--to", "3.0.0")).status).toBe(4);
  expect(await cli("rollback", "sources/random")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("1.0.0"),
  });
  expect(await cli("remove", "random")).toMatchObject({ status: 2, stderr: expect.stringContaining("--yes") });
  expect(await cli("remove", "random", "--yes")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("is deleted"),
  });
  expect((await send(`${server.url}/plugins/sources`)).text).toBe("[]");
  expect(await cli("remove", "random", "--yes")).toMatchObject({ status: 4 });
});

test("a name that two types have needs its type", async ({ cli, host }) => {
  await cli("install", host.serveZip(RANDOM), "--type", "sources", "--name", "random");
  await cli("install", host.serveZip({ type: "sinks", name: "random" }), "--type", "sinks", "--name", "random");
  expect(await cli("show", "random")).toMatchObject({
    status: 2,
    stderr: "kuiper-plugins: there are sources/random and sinks/random: name one\n",
  });
  expect((await cli("show", "random", "--type", "sinks")).status).toBe(0);
});

test("a server that refuses while a large zip is being sent is heard", async ({ folder, startServer }) => {
  const small = await startServer({ UPLOADS__MAXBYTES: "1000" });
  await writePluginZip(folder, { ...RANDOM, soContent: Buffer.alloc(30 * 1024 * 1024, "x") }, "large.zip");
  const zip = join(folder, "large.zip");
  await writePluginZip(folder, { ...RANDOM, files: { "a.bin": noise(20 * 1024 * 1024) } }, "large.zip");
  const ended = await run(["install", zip], { server: small.url });
  expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining("uploads.maxBytes") });
});

/** What does not get smaller in a zip. */
function noise(bytes: number): Buffer {
  let state = 1;
  return Buffer.from(
    Uint32Array.from({ length: bytes / 4 }, () => (state = Math.imul(state, 1664525) + 1013904223)).buffer,
  );
}

describe("without a terminal", () => {
  test.for([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s leaves the change running, and says where to follow it",
    async ([signal, status], { server, host, gate, cli }) => {
      const command = start(gatedInstall(host, gate), { server: server.url });
      await gate.started;
      await command.prints(/running install\.sh/);
      command.kill(signal);
      const ended = await command.ended;
      expect(ended).toMatchObject({ status, stdout: "" });
      const id = /the install of sinks\/gated goes on; to follow it: kuiper-plugins jobs ([\w-]+) --follow\n$/.exec(
        ended.stderr,
      )?.[1];
      expect((await cli("jobs", id ?? "")).stdout).toMatch(/^install of sinks\/gated: running\n/);
      const followed = start(["jobs", id ?? "", "--follow"], { server: server.url });
      await followed.prints(/running install\.sh/);
      gate.release();
      expect(await followed.ended).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("sinks plugin gated is created"),
      });
    },
  );
});

test("jobs: lists them, and cancels one", async ({ server, host, gate, cli }) => {
  const command = start(gatedInstall(host, gate), { server: server.url });
  await gate.started;
  const [job] = JSON.parse((await cli("jobs", "--state", "running", "--json")).stdout);
  expect((await cli("jobs")).stdout).toMatch(
    /^ID .+\n[\w-]+ +install of sinks\/gated +running +\d+% running install\.sh/,
  );
  expect((await cli("jobs", job.id, "--cancel")).stdout).toMatch(/^install of sinks\/gated: cancelled\n/);
  expect(await command.ended).toMatchObject({ status: 8, stderr: expect.stringContaining("was cancelled") });
  expect(await cli("jobs", "nothere")).toMatchObject({ status: 4 });
});

test("watch: follows what others do, until Ctrl-C", async ({ server, host, cli }) => {
  const watching = start(["watch"], { server: server.url });
  await watching.prints(/waiting for changes/);
  await cli("install", host.serveZip(RANDOM), "--type", "sources", "--name", "random");
  await watching.prints(/install of sources\/random: done: sources plugin random is created\n/);
  watching.kill("SIGINT");
  expect((await watching.ended).status).toBe(0);
});
