import { mkdtemp, readdir, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { loadConfig } from "../../src/config/load.ts";
import { Activity } from "../../src/metrics/activity.ts";
import { createAudit } from "../../src/plugins/audit.ts";
import { createServer } from "../../src/server.ts";
import type { ChangeQueue } from "../../src/store/journal/queue.ts";
import { Layout } from "../../src/store/layout.ts";
import type { Certificate } from "./file-server.ts";
import { checkReplies } from "./server-replies.ts";

/** Settings as environment variables, without their prefix: `{ HTTP__MAXBODYBYTES: "2048" }`. */
export type Settings = Readonly<Record<string, string>>;

type Running = Awaited<ReturnType<typeof createServer>> & { readonly url: string };

/** The whole server in this process, on a free loopback port: everything is real but the process itself. */
export class TestServer {
  /** Exists from the beginning, and through every start. */
  readonly base: string;
  #running: Running | undefined;
  #logged: Record<string, unknown>[] = [];
  #restarts = 0;
  #pageFolder = join(import.meta.dirname, "..", "..", "dist", "ui");

  private constructor(base: string) {
    this.base = base;
  }

  /** A server that is not started yet, with an empty base folder. */
  static async create(): Promise<TestServer> {
    return new TestServer(await mkdtemp(join(tmpdir(), "plugin-server-")));
  }

  /** Serves another page than the built one, from the next start on. */
  servePage(folder: string): this {
    this.#pageFolder = folder;
    return this;
  }

  /** Starts the server; one that runs is stopped first. What is in its folder stays. */
  async start(settings: Settings = {}, tls?: Certificate): Promise<this> {
    await this.stop();
    const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`KUIPER__${key}`, value]));
    const { config } = loadConfig(new Layout(this.base).configFile, env);
    const layout = new Layout(this.base, config.folders);
    this.#logged = [];
    this.#restarts = 0;
    const log = pino({ level: "debug" }, { write: (line: string) => this.#logged.push(JSON.parse(line)) });
    const audit = createAudit(config.log.auditFile, config.log.maxBufferBytes, log);
    const restart = () => {
      this.#restarts += 1;
    };
    const own = { version: "0.0.0-test", pageFolder: this.#pageFolder, restart };
    const parts = { config, layout, env: process.env, proxy: {}, log, audit, activity: new Activity(), ...own };
    const server = await createServer({ ...parts, ...(tls && { tls }) });
    await checkReplies(server.app);
    await server.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.app.server.address() as AddressInfo;
    this.#running = { ...server, url: `${tls ? "https" : "http"}://127.0.0.1:${port}` };
    return this;
  }

  async stop(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }

  /** Undoes what still runs, so that nothing is written into a folder that is being removed, and removes all. */
  async dispose(): Promise<void> {
    await this.#running?.queue.close(1);
    await this.stop();
    await rm(this.base, { recursive: true, force: true });
  }

  get url(): string {
    return this.#started.url;
  }

  get app(): FastifyInstance {
    return this.#started.app;
  }

  get queue(): ChangeQueue {
    return this.#started.queue;
  }

  /** What was logged since the last start. */
  get logged(): readonly Record<string, unknown>[] {
    return this.#logged;
  }

  /** How often a delete asked for a restart. */
  restarts(): number {
    return this.#restarts;
  }

  /** What is below the base folder, as relative paths, sorted; folders end with a slash. The registry and the record of jobs are left out. */
  async files(): Promise<string[]> {
    const items = await readdir(this.base, { recursive: true, withFileTypes: true });
    return items
      .map((item) => join(item.parentPath, item.name).slice(this.base.length + 1) + (item.isDirectory() ? "/" : ""))
      .filter((path) => path !== "plugins/registry.json" && !path.startsWith("plugins/.jobs/"))
      .sort();
  }

  /** What main.ts does in the background after the start. */
  compareWithEngine(): Promise<void> {
    return this.#started.installed.compareWithEngine();
  }

  get #started(): Running {
    if (this.#running === undefined) throw new Error("the server is not started");
    return this.#running;
  }
}

/** A server of its own for a test, which is to dispose of it. */
export async function startTestServer(settings?: Settings): Promise<TestServer> {
  return (await TestServer.create()).start(settings);
}
