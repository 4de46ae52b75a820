import { mkdtemp, readdir, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { loadConfig } from "../../src/config/load.ts";
import { createAudit } from "../../src/plugins/audit.ts";
import { createServer } from "../../src/server.ts";
import type { ChangeQueue } from "../../src/store/journal/queue.ts";
import { Layout } from "../../src/store/layout.ts";

export interface TestServer {
  readonly url: string;
  readonly base: string;
  readonly app: FastifyInstance;
  readonly queue: ChangeQueue;
  /** What was logged so far. */
  readonly logged: Record<string, unknown>[];
  /** How often a delete asked for a restart. */
  readonly restarts: () => number;
  /** Every file and folder below the base folder, sorted; folders end with a slash. */
  files(): Promise<string[]>;
  /** What main.ts does in the background after the start. */
  compareWithEngine(): Promise<void>;
  /** Ends the server and, unless told to keep it, removes the base folder. */
  close(options?: { keep?: boolean }): Promise<void>;
}

export interface TestServerOptions {
  /** An existing base folder. Default: a new one. */
  readonly base?: string;
  /** Settings as environment variables, without their prefix: `{ HTTP__MAXBODYBYTES: "2048" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The whole server in this process, on a free loopback port: everything is real but the process itself. */
export async function startTestServer({ base, settings = {} }: TestServerOptions = {}): Promise<TestServer> {
  const folder = base ?? (await mkdtemp(join(tmpdir(), "plugin-server-")));
  const layout = new Layout(folder);
  const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`KUIPER__${key}`, value]));
  const { config } = loadConfig(layout.configFile, env);

  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const audit = createAudit(config.log.auditFile, log);
  let restarts = 0;
  const restart = () => {
    restarts += 1;
  };
  const server = await createServer({
    ...{ config, layout, env: process.env, proxy: {}, log, audit, restart },
    version: "0.0.0-test",
  });
  const { app, queue } = server;
  await app.listen({ host: "127.0.0.1", port: 0 });

  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    base: folder,
    app,
    queue,
    logged,
    restarts: () => restarts,
    files: () => listFiles(folder),
    compareWithEngine: () => server.installed.compareWithEngine(),
    close: async ({ keep = false } = {}) => {
      await server.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What is below a folder, as relative paths; the registry is left out, since its content is another test's matter. */
export async function listFiles(folder: string): Promise<string[]> {
  const items = await readdir(folder, { recursive: true, withFileTypes: true });
  return items
    .map((item) => join(item.parentPath, item.name).slice(folder.length + 1) + (item.isDirectory() ? "/" : ""))
    .filter((path) => path !== "plugins/registry.json")
    .sort();
}
