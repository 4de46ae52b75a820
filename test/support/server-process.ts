import { type ChildProcessByStdio, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expectContract, type Place } from "./client-replies.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export type LogLine = Record<string, unknown> & { readonly msg?: string };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcessOptions {
  /** The folder with `etc/` and `plugins/`; it need not be there. */
  readonly base: string;
  /** Settings without their prefix: `{ BASIC__DEBUG: "true" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The program that starts the server, with its arguments; the server's own follow. Default: this Node. */
  readonly command?: readonly [string, ...string[]];
}

/** The built server as a process of its own. */
export class ServerProcess {
  /** When its output was read to the end, too. */
  readonly exited: Promise<Exit>;
  /** When the process has ended, read or not. */
  readonly ended: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #output = new EventEmitter().setMaxListeners(0);
  readonly #place: Place;
  #stdout = "";
  #stderr = "";
  #isRead = false;

  constructor({ base, settings = {}, command = [process.execPath] }: ServerProcessOptions) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build makes it`);
    this.#place = settings.ENGINE__URL === undefined ? "alone" : "in front";
    const [program, ...args] = command;
    const given = Object.entries({ BASIC__RESTPORT: "0", ...settings });
    this.#child = spawn(program, [...args, MAIN], {
      env: {
        PATH: process.env.PATH,
        KuiperBaseKey: base,
        ...Object.fromEntries(given.map(([key, value]) => [`KUIPER__${key}`, value])),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#output.emit("more");
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.ended = once(this.#child, "exit").then(([code, signal]) => ({ code, signal }));
    this.exited = once(this.#child, "close").then(([code, signal]) => {
      this.#isRead = true;
      this.#output.emit("more");
      return { code, signal };
    });
  }

  /** Starts the server and waits until it listens. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    await server.url();
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Every complete line of standard output, each of which must be JSON. */
  get log(): LogLine[] {
    return this.#stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** Where it listens, from its own log line. */
  async url(): Promise<string> {
    const [, url = ""] = await this.output(/Server listening at (https?:\/\/[\w.:[\]]+)/);
    expectContract(url, this.#place, this.ended);
    return url;
  }

  /** Waits for standard output to match; rejects when the process has ended, and all that it had written is without it. */
  async output(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (this.#isRead) {
        const { exitCode, signalCode } = this.#child;
        throw new Error(`the server ended (${exitCode ?? signalCode}) without ${pattern}: ${this.#stderr}`);
      }
      await once(this.#output, "more");
    }
  }

  /** Stops reading its standard output: what it writes fills the buffers of the system, and then nothing more fits. */
  stallOutput(): void {
    this.#child.stdout.pause();
  }

  readOutput(): void {
    this.#child.stdout.resume();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process for good, if it has not ended. For the end of a test. */
  async dispose(): Promise<void> {
    this.#child.kill("SIGKILL");
    this.readOutput();
    await this.exited;
  }
}

/** The built server on one folder, for tests that start it again. */
export class RestartableServer {
  readonly base: string;
  #process: ServerProcess | undefined;
  #url = "";

  constructor(base: string) {
    this.base = base;
  }

  /** Starts a process, in the place of the one before it, which is killed if it still runs. */
  async launch(options: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> {
    await this.#process?.dispose();
    this.#process = new ServerProcess({ base: this.base, ...options });
    return this.#process;
  }

  /** The same, and waits until the server listens, for its URL. */
  async start(options: Partial<ServerProcessOptions> = {}): Promise<string> {
    this.#url = await (await this.launch(options)).url();
    return this.#url;
  }

  /** Of the last one that `start` started. */
  get url(): string {
    return this.#url;
  }

  /** The last one started. */
  get process(): ServerProcess {
    if (this.#process === undefined) throw new Error("the server was not started");
    return this.#process;
  }

  async dispose(): Promise<void> {
    await this.#process?.dispose();
  }
}
