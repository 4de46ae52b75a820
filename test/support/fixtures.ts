// biome-ignore-all lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures another one needs
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, type TestAPI } from "vitest";
import { createScriptGate } from "./script-gate.ts";
import { RestartableServer, ServerProcess, type ServerProcessOptions } from "./server-process.ts";
import { type Settings, TestServer } from "./test-server.ts";
import { startZipHost, type ZipHost } from "./zip-host.ts";

/**
 * What tests get by naming it: made when a test wants it, gone after the test. A file adds its own with `extend`:
 * functions that work on these, and what must be there before its tests begin.
 */

type OnCleanup = (cleanup: () => Promise<void>) => void;

const common = base
  /** An empty folder. */
  .extend("folder", async ({}, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    return folder;
  })
  /** For an install.sh that runs until the test lets it end. */
  .extend("gate", async ({}, { onCleanup }) => {
    const gate = await createScriptGate();
    onCleanup(() => {
      gate.release(); // for a script whose server was killed
      return gate.close();
    });
    return gate;
  })
  /** Starts one more server in this process, with a folder of its own. */
  .extend("startServer", ({}, { onCleanup }) => {
    const servers: TestServer[] = [];
    onCleanup(() => inParallel(servers, (server) => server.dispose()));
    return async (settings: Settings = {}): Promise<TestServer> => {
      const server = await TestServer.create();
      servers.push(server);
      return server.start(settings);
    };
  })
  /** Starts the built server as a process. It listens once its `url()` has resolved. */
  .extend("launch", ({ folder: _ }, { onCleanup }) => {
    const servers: ServerProcess[] = [];
    onCleanup(() => inParallel(servers, (server) => server.dispose()));
    return (options: ServerProcessOptions): ServerProcess => {
      const server = new ServerProcess(options);
      servers.push(server);
      return server;
    };
  });

/** Tests with a `host` each that serves zips of plugins, and whatever else they are made of. */
export const test = common.extend("host", ({}, { onCleanup }) => makeHost(onCleanup));

/** Tests with a `host` and a `server` each. The server is not started: each test does so, with its own settings. */
export const stoppedServerTest = test.extend("server", ({}, { onCleanup }) => makeServer(onCleanup));

/** Tests with a `host` and a running `server` each. */
export function serverTest(settings: Settings = {}) {
  return test.extend("server", async ({}, { onCleanup }) => (await makeServer(onCleanup)).start(settings));
}

/** Tests with a `host` and a `server` each that is a process on `folder`/base, which each test starts as it needs it. */
export const processTest = test.extend("server", ({ folder }, { onCleanup }) => {
  const server = new RestartableServer(join(folder, "base"));
  onCleanup(() => server.dispose());
  return server;
});

/** Tests that share one `host` and one running `server` with the others of their file. */
export function sharedServerTest(settings: Settings = {}) {
  return common
    .extend("host", { scope: "file" }, ({}, { onCleanup }) => makeHost(onCleanup))
    .extend("server", { scope: "file" }, async ({}, { onCleanup }) => (await makeServer(onCleanup)).start(settings));
}

async function makeHost(onCleanup: OnCleanup): Promise<ZipHost> {
  const host = await startZipHost();
  onCleanup(() => host.close());
  return host;
}

async function makeServer(onCleanup: OnCleanup): Promise<TestServer> {
  const server = await TestServer.create();
  onCleanup(() => server.dispose());
  return server;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(work));
}

/** What the tests made by `T` may name. */
export type FixturesOf<T> = T extends TestAPI<infer Fixtures> ? Fixtures : never;
