import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished } from "vitest";
import { test as fixtures } from "../support/fixtures.ts";
import { ask, remove, send } from "../support/http-client.ts";
import { expectInvariants, fetchListing } from "../support/invariants.ts";
import { type PluginContents, realisticBinary, writePluginZip } from "../support/plugin-zip.ts";
import type { ServerProcess, ServerProcessOptions } from "../support/server-process.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { readTree } from "../support/tree.ts";

// The faults themselves are gone through one by one, in-process, in test/store. Here the whole server meets them.

const PAGE = 4096;
const DIE_AT_OPERATION = fileURLToPath(new URL("../support/die-at-operation.mjs", import.meta.url));
const TIMEOUT_MS = 240_000;

/** In the words of whichever stage met it first. */
const FULL = /there is no space left on the server's disk; free some and try again/;
const READ_ONLY =
  "the server cannot write its files: plugins/.changes can only be read (EROFS); mount it writable; see the server's log";

const test = fixtures
  /** Starts a server that is gone after the test, before its disk is. */
  .extend(
    "start",
    ({ launch }) =>
      async (options: ServerProcessOptions): Promise<{ server: ServerProcess; url: string }> => {
        const server = launch(options);
        return { server, url: await server.url() };
      },
  )
  /** Installs sources from zips of a folder outside the disk that has the fault. */
  .extend(
    "install",
    ({ folder }) =>
      async (
        url: string,
        name: string,
        more: Partial<PluginContents> = {},
        agent?: http.Agent,
      ): Promise<[number, string]> => {
        const file = `file://${await writePluginZip(folder, { type: "sources", name, ...more })}`;
        const method = "POST";
        return ask(`${url}/plugins/sources`, {
          method,
          body: { name, file },
          ...(agent === undefined ? {} : { agent }),
        });
      },
  );

async function stop(server: ServerProcess): Promise<void> {
  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });
}

/** Takes all the space but for so many pages. */
async function fillBut(pages: number, folder: string): Promise<void> {
  const fillers: string[] = [];
  for (let size = 1024 * PAGE; size >= PAGE; size /= 2) {
    for (;;) {
      const filler = join(folder, `filler-${fillers.length}`);
      try {
        await writeFile(filler, Buffer.alloc(size, 1));
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
        await rm(filler, { force: true });
        break;
      }
      fillers.push(filler);
    }
  }
  for (let size = 0; size < pages; size += 1) {
    // A page of its own for each, so that exactly so many become free.
    const last = join(folder, `filler-${fillers.length - 1}`);
    const content = await readFile(last);
    await writeFile(last, content.subarray(0, content.length - PAGE));
    if (content.length === PAGE) await rm(fillers.pop() as string);
  }
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.startsWith("filler-")) await rm(join(folder, name));
}

/** What is in the folders of the plugins, without the lock, the record of jobs and the empty folders for work in progress. */
async function installed(base: string) {
  const trees = ["plugins", "etc"].map(async (volume) => {
    const files = Object.entries(await readTree(join(base, volume)));
    return files
      .filter(([name]) => !/^\.(changes\/|lock|jobs\/.*)$/.test(name))
      .map(([name, text]) => [`${volume}/${name}`, text]);
  });
  return Object.fromEntries((await Promise.all(trees)).flat());
}

describe.skipIf(!CAN_MOUNT)("a full disk (needs the right to mount a tmpfs)", { timeout: TIMEOUT_MS }, () => {
  test("refuses installs, hides nothing, loses nothing, and an install works when there is space again", async ({
    start,
    install,
  }) => {
    const base = tinyDisk(4 * 1024 * 1024).folder;
    const { url } = await start({ base });
    for (const name of ["first", "second"]) expect((await install(url, name))[0]).toBe(201);
    const before = await installed(base);
    await fillBut(0, base);

    const [status, text] = await install(url, "third");
    expect([status, text]).toEqual([507, expect.stringMatching(FULL)]);
    expect(await installed(base)).toEqual(before);
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["first","second"]']);
    expect(await ask(`${url}/plugins/sources/first`)).toEqual([200, expect.stringContaining('"version":"1.0.0"')]);

    await empty(base);
    expect((await install(url, "third"))[0]).toBe(201);
    await expectInvariants(base, await fetchListing(url));
  });

  test("lets a zip that does not fit take what there is, and leaves nothing of it", async ({ start, install }) => {
    const base = tinyDisk(4 * 1024 * 1024).folder;
    const { url } = await start({ base });
    expect((await install(url, "first"))[0]).toBe(201);
    const before = await installed(base);
    const soContent = realisticBinary(3_900_000, 1);
    expect(await install(url, "large", { soContent })).toEqual([507, expect.stringMatching(FULL)]);
    expect(await installed(base)).toEqual(before);
    expect((await install(url, "small"))[0]).toBe(201);
  });

  test("deletes a plugin, or says that there is no space and has changed nothing", async ({ start, install }) => {
    const base = tinyDisk(4 * 1024 * 1024).folder;
    const { url } = await start({ base });
    for (const name of ["first", "second"]) expect((await install(url, name))[0]).toBe(201);
    const before = await installed(base);
    let pages = 0;
    for (;;) {
      await fillBut(pages, base);
      const [status, text] = await remove(`${url}/plugins/sources/first`);
      await empty(base);
      if (status === 200) break;
      expect([status, text], `${pages} free pages`).toEqual([507, expect.stringMatching(FULL)]);
      expect(await installed(base), `${pages} free pages`).toEqual(before);
      expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["first","second"]']);
      pages += 1;
    }
    expect(pages, "pages that a delete needs").toBeLessThanOrEqual(4);
    const listing = await fetchListing(url);
    expect(listing.sources).toEqual(["second"]);
    await expectInvariants(base, listing);
  });

  test("does not stop the start", async ({ start, install }) => {
    const base = tinyDisk(4 * 1024 * 1024).folder;
    const first = await start({ base });
    expect((await install(first.url, "first"))[0]).toBe(201);
    await stop(first.server);
    await fillBut(0, base);

    const { url } = await start({ base });
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["first"]']);
    expect(await install(url, "second")).toEqual([507, expect.stringMatching(FULL)]);
    await empty(base);
    expect((await install(url, "second"))[0]).toBe(201);
    await expectInvariants(base, await fetchListing(url));
  });
});

describe.skipIf(!CAN_MOUNT)("a read-only disk (needs the right to mount a tmpfs)", { timeout: TIMEOUT_MS }, () => {
  test("is served: what is installed is listed, changes are refused until it can be written again", async ({
    start,
    install,
  }) => {
    const disk = tinyDisk(4 * 1024 * 1024);
    const base = disk.folder;
    const first = await start({ base });
    expect((await install(first.url, "first"))[0]).toBe(201);
    await stop(first.server);
    const before = await installed(base);
    disk.setReadOnly(true);

    const { url } = await start({ base });
    expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["first"]']);
    expect((await ask(`${url}/plugins/sources/first`))[0]).toBe(200);
    expect(await install(url, "second")).toEqual([500, expect.stringContaining(READ_ONLY)]);
    expect(await remove(`${url}/plugins/sources/first`)).toEqual([500, expect.stringContaining(READ_ONLY)]);
    expect(await installed(base)).toEqual(before);

    disk.setReadOnly(false);
    expect((await install(url, "second"))[0]).toBe(201);
    expect((await remove(`${url}/plugins/sources/first`))[0]).toBe(200);
    await expectInvariants(base, await fetchListing(url));
  });
});

describe.skipIf(!CAN_MOUNT)(
  "plugins and etc on two volumes (needs the right to mount a tmpfs)",
  { timeout: TIMEOUT_MS },
  () => {
    const FILES = { json: "{}", etc: { "lookup/table.csv": "a,b\n" } };

    /** A base folder whose two folders are folders of the disks. */
    async function twoVolumes(folder: string) {
      const disks = { plugins: tinyDisk(4 * 1024 * 1024).folder, etc: tinyDisk(4 * 1024 * 1024).folder };
      let count = 0;
      return async () => {
        count += 1;
        const base = join(folder, `base-${count}`);
        await mkdir(base);
        for (const [volume, disk] of Object.entries(disks)) {
          await mkdir(join(disk, String(count)));
          await symlink(join(disk, String(count)), join(base, volume));
        }
        return base;
      };
    }

    test("hold a plugin's files, and nothing of it after a delete", async ({ folder, start, install }) => {
      const base = await (await twoVolumes(folder))();
      const { url } = await start({ base });
      expect((await install(url, "first", FILES))[0]).toBe(201);
      await expectInvariants(base, await fetchListing(url));
      expect(await readFile(join(base, "etc/sources/first/lookup/table.csv"), "utf8")).toBe("a,b\n");
      expect((await remove(`${url}/plugins/sources/first`))[0]).toBe(200);
      const listing = await fetchListing(url);
      expect(listing.sources).toEqual([]);
      await expectInvariants(base, listing);
    });

    test.for(["install", "delete"])(
      "survive that the process dies in the middle of an %s",
      async (kind, { folder, install, start }) => {
        const newBase = await twoVolumes(folder);
        const change = async (url: string) =>
          kind === "install" ? install(url, "first", FILES) : remove(`${url}/plugins/sources/first`);
        const prepare = async () => {
          const base = await newBase();
          if (kind === "install") return base;
          const { server, url } = await start({ base });
          expect((await install(url, "first", FILES))[0]).toBe(201);
          await stop(server);
          return base;
        };
        const startFaulty = async (base: string, dieAt: number, phase: string) => {
          const faults = [`DIE_AT=${dieAt}`, `DIE_PHASE=${phase}`, "COUNT_FROM=signal"];
          const started = await start({
            base,
            command: ["env", ...faults, process.execPath, "--import", DIE_AT_OPERATION],
          });
          await ask(`${started.url}/plugins`); // what it looks at after its start is not to be counted
          started.server.kill("SIGUSR2");
          return started;
        };

        const whole = await startFaulty(await prepare(), 0, "before");
        expect((await change(whole.url))[0]).toBeLessThan(300);
        whole.server.kill("SIGUSR2");
        const [, operations] = await whole.server.output(/\{"operations":(\d+)\}/);
        await whole.server.dispose();

        // Every one of them, on one volume, is in test/soak; the last ones are after the answer.
        for (const [index, part] of [0.35, 0.5, 0.6, 0.7, 0.8, 0.9].entries()) {
          const dieAt = Math.round(Number(operations) * part);
          const base = await prepare();
          const dying = await startFaulty(base, dieAt, index % 2 === 0 ? "before" : "after");
          const status = await change(dying.url).then(
            ([answered]) => answered,
            () => undefined, // the connection died with the server
          );
          // How many operations there are varies a little: a server that is still there after its answer is told to end,
          // and dies in what it does until then, or not at all.
          if (status !== undefined) dying.server.kill("SIGTERM");
          const { signal } = await dying.server.exited;
          if (part <= 0.6) expect(signal).toBe("SIGKILL");

          const { server, url } = await start({ base });
          const listing = await fetchListing(url);
          await expectInvariants(base, listing);
          if (status !== undefined) expect(listing.sources).toEqual(kind === "install" ? ["first"] : []);
          // Whichever it is now, the next change works.
          if (listing.sources.length === 0) expect((await install(url, "first", FILES))[0]).toBe(201);
          else expect((await remove(`${url}/plugins/sources/first`))[0]).toBe(200);
          await expectInvariants(base, await fetchListing(url));
          await server.dispose();
        }
      },
    );
  },
);

/** Asks again where the connection was refused: the server may still be closing those of the flood. */
async function connected<T>(askFor: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + TIMEOUT_MS / 2;
  for (;;) {
    try {
      return await askFor();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

describe.skipIf(process.platform !== "linux")("too few descriptors", { timeout: TIMEOUT_MS }, () => {
  /** At once, each with a connection; more of them than the rest of the descriptors is enough for. */
  const INSTALLS = 24;
  const TO_SPARE = 12;

  const withLimit = (base: string, descriptors: number): ServerProcessOptions => ({
    base,
    settings: { CHANGES__MAXCONCURRENT: String(INSTALLS) },
    command: ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", process.execPath],
  });

  test("every install is answered, nothing is half done, and later ones work", async ({ folder, start, install }) => {
    const base = join(folder, "base");
    const unlimited = await start({ base });
    await ask(`${unlimited.url}/ping`);
    const needed = (await readdir(`/proc/${unlimited.server.pid}/fd`)).length;
    await stop(unlimited.server);

    const { server, url } = await start(withLimit(base, needed + INSTALLS + TO_SPARE));
    // The connections first: one that there is no descriptor for can't be answered.
    const agent = new http.Agent({ keepAlive: true, maxSockets: INSTALLS });
    onTestFinished(() => agent.destroy());
    await Promise.all(Array.from({ length: INSTALLS }, () => connected(() => send(`${url}/ping`, { agent }))));
    const names = Array.from({ length: INSTALLS }, (_, index) => `plugin${index}`);
    const scripts = (index: number) => (index % 3 === 0 ? { script: "echo ran\n" } : {});
    const answers = await Promise.all(names.map((name, index) => install(url, name, scripts(index), agent)));
    const failed = answers.filter(([status]) => status !== 201);
    for (const [status, text] of failed) {
      expect([400, 500], text).toContain(status); // 400 where the zip could not be fetched for it
      expect(text).toMatch(/too many open files|EMFILE/);
    }
    console.log(`${failed.length} of ${INSTALLS} failed for want of descriptors`);
    const made = names.filter((_, index) => answers[index]?.[0] === 201);
    const listing = await fetchListing(url);
    expect(listing.sources).toEqual([...made].sort());

    agent.destroy();
    // As many connections as there is no room for: they are refused, and the server is still there.
    const flood = Array.from({ length: 3 * INSTALLS }, () => send(`${url}/plugins/sources`).catch(() => undefined));
    for (const answer of await Promise.all(flood)) expect(answer?.status ?? 200).toBe(200);

    for (const name of names.filter((one) => !made.includes(one))) {
      const answer = await connected(() => install(url, name));
      expect(answer, "afterwards, one by one").toEqual([201, expect.anything()]);
    }
    await stop(server);
    const again = await start({ base });
    const all = await fetchListing(again.url);
    expect(all.sources).toEqual([...names].sort());
    await expectInvariants(base, all);
  });
});

describe("a registry that can't be used", { timeout: TIMEOUT_MS }, () => {
  test.for<[string, (text: string) => string | null]>([
    ["is torn", (text) => text.slice(0, text.length >> 1)],
    ["is empty", () => ""],
    ["is not JSON", () => "<html>"],
    ["is from a newer version", (text) => text.replace('"schema": 1', '"schema": 2')],
    ["is a folder", () => null],
  ])(
    "because it %s is kept aside, and everything in the folders is listed",
    async ([_, spoil], { folder, start, install }) => {
      const base = join(folder, "base");
      const first = await start({ base });
      for (const name of ["first", "second"]) expect((await install(first.url, name, { json: "{}" }))[0]).toBe(201);
      await stop(first.server);
      const file = join(base, "plugins/registry.json");
      const spoiled = spoil(await readFile(file, "utf8"));
      await rename(file, `${file}.before`);
      if (spoiled === null) await mkdir(join(file, "inside"), { recursive: true });
      else await writeFile(file, spoiled);

      const { server, url } = await start({ base });
      expect(await ask(`${url}/plugins/sources`)).toEqual([200, '["first","second"]']);
      const described = JSON.parse((await ask(`${url}/plugins/sources/first`))[1]);
      const paths = ["plugins/sources/First@v1.0.0.so", "etc/sources/first.yaml", "etc/sources/first.json"];
      expect(described).toMatchObject({ version: "1.0.0", files: paths.map((path) => ({ path })) });
      const [kept = "", ...others] = (await readdir(join(base, "plugins"))).filter((name) =>
        name.includes("unreadable"),
      );
      expect(others).toEqual([]);
      if (spoiled === null) expect(await readdir(join(base, "plugins", kept))).toEqual(["inside"]);
      else expect(await readFile(join(base, "plugins", kept), "utf8")).toBe(spoiled);
      expect(server.log.map(({ msg }) => msg)).toContainEqual(expect.stringContaining("the registry can't be used"));

      expect((await remove(`${url}/plugins/sources/first`))[0]).toBe(200);
      expect((await install(url, "third"))[0]).toBe(201);
      await stop(server);
      const again = await start({ base });
      expect(await ask(`${again.url}/plugins/sources`)).toEqual([200, '["second","third"]']);
    },
  );
});
