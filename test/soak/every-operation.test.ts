import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectInvariants, fetchListing } from "../support/invariants.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { ServerProcess } from "../support/server-process.ts";

const PRELOAD = fileURLToPath(new URL("../support/die-at-operation.mjs", import.meta.url));
const PHASES = ["before", "after"] as const;

/** `SOAK_STEP=5` takes every fifth operation, another fifth in each run. */
const STEP = Number(process.env.SOAK_STEP ?? 1);
const FIRST = 1 + (Number(process.env.SOAK_SEED ?? Date.now()) % STEP);
console.log(`every-operation: SOAK_STEP=${STEP} SOAK_SEED=${FIRST - 1}`);

function points(operations: number): number[] {
  return Array.from({ length: operations }, (_, index) => index + 1).filter((at) => at % STEP === FIRST % STEP);
}

/** A file that a user wrote before the install: it must be there afterwards, or as a backup, whatever happens. */
const EDITED_YAML = "# edited by hand\n";

/** The default of version 2, which has one file less than version 1, and one more. */
const NEW_DEFAULT = "default:\n  interval: 2000\n";

let zips: string;
let zipUrl: string;
let nextZipUrl: string;
beforeAll(async () => {
  zips = await mkdtemp(join(tmpdir(), "fault-zips-"));
  const path = await writePluginZip(zips, {
    type: "sources",
    name: "random",
    json: "{}",
    etc: { "lookup/table.csv": "a,b\n" },
    script: "echo ran\n",
  });
  zipUrl = `file://${path}`;
  const next = await writePluginZip(
    zips,
    {
      type: "sources",
      name: "random",
      version: "2.0.0",
      yaml: NEW_DEFAULT,
      json: '{"version":2}',
      etc: { "certs/ca.pem": "ca\n" },
      script: "echo ran\n",
    },
    "random-2.zip",
  );
  nextZipUrl = `file://${next}`;
});
afterAll(() => rm(zips, { recursive: true }));

type Change = (url: string) => Promise<Response>;

const install: Change = (url) =>
  fetch(`${url}/plugins/sources`, { method: "POST", body: JSON.stringify({ name: "random", file: zipUrl }) });
const update: Change = (url) =>
  fetch(`${url}/plugins/sources/random`, { method: "PUT", body: JSON.stringify({ file: nextZipUrl }) });
const rollBack: Change = (url) => fetch(`${url}/plugins/sources/random/rollback`, { method: "POST" });
const remove: Change = (url) => fetch(`${url}/plugins/sources/random`, { method: "DELETE" });

async function emptyBase(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), "fault-base-"));
  await mkdir(join(base, "etc", "sources"), { recursive: true });
  await writeFile(join(base, "etc", "sources", "random.yaml"), EDITED_YAML);
  return base;
}

async function baseWithPlugin(): Promise<string> {
  const base = await emptyBase();
  const server = await ServerProcess.start({ base });
  expect((await install(await server.url())).status).toBe(201);
  await server.dispose();
  // Edited since, so that the delete has something to keep.
  await writeFile(join(base, "etc", "sources", "random.yaml"), `${EDITED_YAML}again: true\n`);
  return base;
}

/** Version 1 is installed, and its configuration was edited since. */
async function baseToUpdate(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), "fault-base-"));
  const server = await ServerProcess.start({ base });
  expect((await install(await server.url())).status).toBe(201);
  await server.dispose();
  await writeFile(join(base, "etc", "sources", "random.yaml"), EDITED_YAML);
  return base;
}

/** Version 2 has taken the place of version 1. */
async function baseToRollBack(): Promise<string> {
  const base = await baseToUpdate();
  const server = await ServerProcess.start({ base });
  expect((await update(await server.url())).status).toBe(200);
  await server.dispose();
  return base;
}

/** Makes a base folder once and then copies it, which takes a tenth of the time. */
function copies(makeBase: () => Promise<string>): { make: () => Promise<string>; dispose: () => Promise<void> } {
  const template = makeBase();
  return {
    async make() {
      const base = await mkdtemp(join(tmpdir(), "fault-base-"));
      await cp(await template, base, { recursive: true, preserveTimestamps: true });
      return base;
    },
    dispose: async () => rm(await template, { recursive: true }),
  };
}

function startFaulty(base: string, env: Record<string, string>): Promise<ServerProcess> {
  const assignments = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  return ServerProcess.start({ base, command: ["env", ...assignments, process.execPath, "--import", PRELOAD] });
}

/** Runs the change in a server that dies at the operation. Returns the status of the answer, if there was one. */
async function dieDuring(change: Change, base: string, env: Record<string, string>): Promise<number | undefined> {
  const server = await startFaulty(base, { ...env, COUNT_FROM: "signal" });
  try {
    server.kill("SIGUSR2");
    const answer = await change(await server.url()).catch(() => undefined);
    // Work after the answer (dropping the workspace) counts too: wait for the process to die of it.
    if (answer !== undefined) await Promise.race([server.exited, settled(server)]);
    return answer?.status;
  } finally {
    await server.dispose();
  }
}

/** Runs the change on a disk that fails at one operation. Returns the status, and what is listed then. */
async function failDuring(change: Change, base: string, at: number) {
  const server = await startFaulty(base, { FAIL_AT: String(at), COUNT_FROM: "signal" });
  try {
    server.kill("SIGUSR2");
    const url = await server.url();
    const { status } = await change(url);
    const listed = (await fetchListing(url)).sources.includes("random");
    return { status, listed, versions: listed ? await fetchVersions(url) : [] };
  } finally {
    await server.dispose();
  }
}

/** Resolves when the server has answered another request, so that its work after the change has begun. */
async function settled(server: ServerProcess): Promise<void> {
  await fetch(`${await server.url()}/ping`).catch(() => {});
}

async function countOperations(change: Change, makeBase: () => Promise<string>): Promise<number> {
  const base = await makeBase();
  const server = await startFaulty(base, { COUNT_FROM: "signal" });
  try {
    server.kill("SIGUSR2");
    expect((await change(await server.url())).ok).toBe(true);
    await settled(server);
    server.kill("SIGUSR2");
    const [, count] = await server.output(/\{"operations":(\d+)\}/);
    return Number(count);
  } finally {
    await server.dispose();
    await rm(base, { recursive: true });
  }
}

async function check(
  base: string,
  whatWasAnswered: (listed: boolean, url: string) => void | Promise<void>,
): Promise<void> {
  const started = performance.now();
  const server = await ServerProcess.start({ base });
  try {
    expect(performance.now() - started, "the start takes seconds at most").toBeLessThan(20_000);
    const listing = await fetchListing(await server.url());
    await expectInvariants(base, listing, ["etc/sources/random.yaml"]);
    await whatWasAnswered(listing.sources.includes("random"), await server.url());
  } finally {
    await server.dispose();
  }
}

interface VersionChange {
  readonly name: string;
  readonly change: Change;
  readonly makeBase: () => Promise<string>;
  /** The versions before and after the change: the installed one, then the earlier ones. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const VERSION_CHANGES: readonly VersionChange[] = [
  { name: "an update", change: update, makeBase: baseToUpdate, before: ["1.0.0"], after: ["2.0.0", "1.0.0"] },
  {
    name: "a rollback",
    change: rollBack,
    makeBase: baseToRollBack,
    before: ["2.0.0", "1.0.0"],
    after: ["1.0.0", "2.0.0"],
  },
];

/** Checks that one of the versions is there whole, that users' files are, and that a rollback works. */
async function checkVersions(base: string, { change, before, after }: VersionChange, answer: string, status?: number) {
  await check(base, async (listed, url) => {
    expect(listed, answer).toBe(true);
    const versions = await fetchVersions(url);
    expect([before, after], answer).toContainEqual(versions);
    if (status !== undefined) expect(versions, answer).toEqual(status === 200 ? after : before);
    await expectConfiguration(base, versions[0], change === update && versions[0] === "1.0.0", answer);
    if (versions.length === 1) return;
    expect((await rollBack(url)).status, `${answer}, and rolled back`).toBe(200);
    await expectConfiguration(base, versions[1], false, `${answer}, and rolled back`);
    await expectInvariants(base, await fetchListing(url), ["etc/sources/random.yaml"]);
  });
}

async function expectConfiguration(base: string, version = "", isUntouched: boolean, answer: string): Promise<void> {
  expect(await readEtc(base, "random.yaml"), `${answer}: the edited yaml is not lost`).toBe(EDITED_YAML);
  const beside = isUntouched ? "" : version === "2.0.0" ? NEW_DEFAULT : "default:\n  interval: 1000\n  seed: 1\n";
  expect(await readEtc(base, "random.yaml.new"), `${answer}: the default beside it`).toBe(beside);
}

async function fetchVersions(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/plugins/sources/random/versions`);
  return ((await answer.json()) as { version: string }[]).map(({ version }) => version);
}

describe.each(PHASES)("the process dies right %s each file operation", (phase) => {
  test("of an install: it is there whole, or everything is as before", async () => {
    const operations = await countOperations(install, emptyBase);
    expect(operations).toBeGreaterThan(30);
    for (const at of points(operations)) {
      const base = await emptyBase();
      const status = await dieDuring(install, base, { DIE_AT: String(at), DIE_PHASE: phase });
      let there = false;
      await check(base, (listed) => {
        there = listed;
        if (status === 201) expect(listed, `operation ${at}: what was answered 201 is there`).toBe(true);
      });
      const [yaml, kept] = await Promise.all(["random.yaml", "random.yaml.bak"].map((name) => readEtc(base, name)));
      expect(there ? kept : yaml, `operation ${at}: the edited yaml is not lost`).toBe(EDITED_YAML);
      if (!there) expect(kept, `operation ${at}: nothing is left beside it`).toBe("");
      await rm(base, { recursive: true });
    }
    console.log(`install: died ${phase} each of ${operations} operations`);
  });

  test("of a delete: it is gone whole, or everything is as before", async () => {
    const operations = await countOperations(remove, baseWithPlugin);
    expect(operations).toBeGreaterThan(15);
    for (const at of points(operations)) {
      const base = await baseWithPlugin();
      const status = await dieDuring(remove, base, { DIE_AT: String(at), DIE_PHASE: phase });
      await check(base, (listed) => {
        if (status === 200) expect(listed, `operation ${at}: what was answered 200 is gone`).toBe(false);
      });
      const texts = await Promise.all(["random.yaml", "random.yaml.bak.1"].map((name) => readEtc(base, name)));
      expect(texts.join(), `operation ${at}: the edited yaml is not lost`).toContain("again: true");
      await rm(base, { recursive: true });
    }
    console.log(`delete: died ${phase} each of ${operations} operations`);
  });
});

describe.each(PHASES)("the process dies right %s each file operation", (phase) => {
  test.each(VERSION_CHANGES)("of $name: one version or the other is there whole", async (versionChange) => {
    const { name, change, makeBase } = versionChange;
    const bases = copies(makeBase);
    const operations = await countOperations(change, bases.make);
    expect(operations).toBeGreaterThan(30);
    for (const at of points(operations)) {
      const base = await bases.make();
      const status = await dieDuring(change, base, { DIE_AT: String(at), DIE_PHASE: phase });
      await checkVersions(base, versionChange, `operation ${at}, answered ${status}`, status);
      await rm(base, { recursive: true });
    }
    await bases.dispose();
    console.log(`${name}: died ${phase} each of ${operations} operations`);
  });
});

describe("a bad disk fails each file operation once, with EIO", () => {
  test("of an install: the answer is true, now and after a restart", async () => {
    const operations = await countOperations(install, emptyBase);
    for (const at of points(operations)) {
      const base = await emptyBase();
      const { status, listed } = await failDuring(install, base, at);
      expect(listed, `operation ${at}, answered ${status}`).toBe(status === 201);
      await check(base, (there) => expect(there, `operation ${at}, answered ${status}`).toBe(status === 201));
      const [yaml, kept] = await Promise.all(["random.yaml", "random.yaml.bak"].map((name) => readEtc(base, name)));
      expect(listed ? kept : yaml, `operation ${at}: the edited yaml is not lost`).toBe(EDITED_YAML);
      await rm(base, { recursive: true });
    }
    console.log(`install: each of ${operations} operations failed once`);
  });

  test("of a delete: the answer is true, now and after a restart", async () => {
    const operations = await countOperations(remove, baseWithPlugin);
    for (const at of points(operations)) {
      const base = await baseWithPlugin();
      const { status, listed } = await failDuring(remove, base, at);
      expect(listed, `operation ${at}, answered ${status}`).toBe(status !== 200);
      await check(base, (there) => expect(there, `operation ${at}, answered ${status}`).toBe(status !== 200));
      await rm(base, { recursive: true });
    }
    console.log(`delete: each of ${operations} operations failed once`);
  });
});

describe("a bad disk fails each file operation once, with EIO", () => {
  test.each(VERSION_CHANGES)("of $name: the answer is true, now and after a restart", async (versionChange) => {
    const { name, change, makeBase, before, after } = versionChange;
    const bases = copies(makeBase);
    const operations = await countOperations(change, bases.make);
    for (const at of points(operations)) {
      const base = await bases.make();
      const { status, versions } = await failDuring(change, base, at);
      const answer = `operation ${at}, answered ${status}`;
      expect(versions, answer).toEqual(status === 200 ? after : before);
      await checkVersions(base, versionChange, answer, status);
      await rm(base, { recursive: true });
    }
    await bases.dispose();
    console.log(`${name}: each of ${operations} operations failed once`);
  });
});

test("the process dies during the recovery itself: the next start recovers all the same", async () => {
  const interrupted = async () => {
    const base = await emptyBase();
    const operations = await countOperations(install, emptyBase);
    // Late in the commit: the journal is written and files are in place.
    await dieDuring(install, base, { DIE_AT: String(operations - 14), DIE_PHASE: "after" });
    return base;
  };
  for (let at = 1; ; at += 1) {
    const base = await interrupted();
    const server = new ServerProcess({
      base,
      command: ["env", `DIE_AT=${at}`, "COUNT_FROM=start", process.execPath, "--import", PRELOAD],
    });
    const survived = await server.url().then(
      () => true,
      () => false,
    );
    await server.dispose();
    await check(base, () => {});
    await rm(base, { recursive: true });
    if (survived) break; // the start has fewer operations than that
  }
});

async function readEtc(base: string, name: string): Promise<string> {
  return readFile(join(base, "etc", "sources", name), "utf8").catch(() => "");
}
