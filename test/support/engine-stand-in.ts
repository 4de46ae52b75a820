import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PLUGIN_TYPES, type PluginType } from "../../src/domain/plugin.ts";
import { StandInPlugins } from "./engine-stand-in-plugins.ts";
import { BUILT_IN, type StandInRule, StandInRules, type StandInStream } from "./engine-stand-in-rules.ts";
import { type HeldPort, holdPort } from "./held-port.ts";

export { DOES_NOT_LOAD } from "./engine-stand-in-plugins.ts";
export { RULE_FAILS, type StandInRule, type StandInStream } from "./engine-stand-in-rules.ts";

interface StandInOptions {
  /** The base folder with `plugins/` and `etc/`. */
  readonly base: string;
  /** Decides about its habits: below 1.6 nothing is opened before it is used. Default 2.1.0. */
  readonly version?: string;
}

/** A request that came, for what a test asks. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/** Files of metadata that 1.0 has from the beginning, for plugins that may not be there; it calls the functions installed. */
const ORPHANS: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["random", "zmq"],
  sinks: ["influx", "zmq"],
  functions: ["echo", "countPlusOne"],
};

/**
 * What an engine does at its REST interface, without Go: it reads the plugins' folder when its process starts, takes the
 * installs of its own, and runs rules as far as their plugins are loaded. What it answers was compared with a Kuiper 1.0.2
 * and an eKuiper 2.4.0; the loader of Go is tried in test/system. A "process" is what happens between `start` and `stop`.
 */
export class EngineStandIn {
  readonly base: string;
  readonly version: string;
  readonly streams: StandInStream[] = [];
  readonly rules: StandInRule[] = [];
  /** Requests since the beginning, over all its processes. */
  readonly asked: Asked[] = [];
  /** How often a process was started. */
  starts = 0;
  /** Called when it was asked to end by POST /stop or ?stop=1: what its supervisor does. Default: it is started again. */
  onStop: () => void = () => void this.restart();
  /** Answers before the usual ones; false leaves the request to them. */
  intercept: (asked: Asked, response: ServerResponse) => boolean = () => false;
  #server: Server | undefined;
  #port = 0;
  /** While no process has it. */
  #heldPort: HeldPort | undefined;
  #startedAt = 0;
  readonly #registered = new Map<string, readonly string[]>();
  readonly #stopped = new Set<string>();
  readonly #isFrom: (major: number, minor: number, patch?: number) => boolean;
  #process: { readonly plugins: StandInPlugins; readonly rules: StandInRules } | undefined;

  constructor({ base, version = "2.1.0" }: StandInOptions) {
    this.base = base;
    this.version = version;
    const ours = version.split(".").map(Number);
    this.#isFrom = (...wanted) => {
      const at = wanted.findIndex((part, index) => part !== (ours[index] ?? 0));
      return at < 0 || (ours[at] ?? 0) > (wanted[at] ?? 0);
    };
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts a process. The port stays the same over restarts. */
  async start(): Promise<this> {
    this.starts += 1;
    this.#startedAt = Date.now();
    const { rules, streams } = this;
    const isFrom = this.#isFrom;
    const plugins = new StandInPlugins(this.base, isFrom, this.#registered);
    this.#process = { plugins, rules: new StandInRules({ plugins, rules, streams, stopped: this.#stopped, isFrom }) };
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#releasePort();
    return this;
  }

  /** Ends the process. Its port is kept for the next one, until `dispose`. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    this.#heldPort = await holdPort(this.#port, () => {
      server.closeAllConnections();
      server.close();
    });
    await closed;
  }

  async dispose(): Promise<void> {
    await this.stop();
    this.#releasePort();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Pretends that the present process was started so long ago: up times are whole seconds. */
  age(seconds: number): void {
    this.#startedAt -= seconds * 1000;
  }

  #releasePort(): void {
    this.#heldPort?.release();
    this.#heldPort = undefined;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const asked = {
      method: request.method ?? "",
      path: request.url ?? "",
      body: Buffer.concat(chunks).toString("utf8"),
      headers: request.headers,
    };
    this.asked.push(asked);
    response.setHeader("connection", "close"); // as every reply of the engine
    if (!this.intercept(asked, response)) this.answer(asked, response);
  }

  /** The usual answer, for an `intercept` that held the request for a while. */
  answer(asked: Asked, response: ServerResponse): void {
    const [path = "", query = ""] = asked.path.split("?");
    const parts = path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
    this.#route(asked, parts, query, response);
  }

  #route({ method, body }: Asked, parts: readonly string[], query: string, response: ServerResponse): unknown {
    const [first = "", second = ""] = parts;
    const isRead = method === "GET";
    if (first === "") return this.#text(response, 200, JSON.stringify(this.#about()));
    if (first === "ping") return response.end();
    if (first === "stop" && this.#isFrom(1, 12)) return this.#end(response, "stop success");
    if (first === "plugins" && (PLUGIN_TYPES as readonly string[]).includes(second)) {
      return this.#answerPlugins(method, parts, { body, query }, response);
    }
    if (first === "metadata" && isRead) return this.#json(response, 200, this.#metadata(second as PluginType));
    if (first === "tables" && second === "" && isRead && this.#isFrom(1, 2)) return this.#json(response, 200, []);
    if (first === "streams" && isRead) return this.#answerStreams(second, response);
    if (first === "rules") return this.#answerRules(method, parts, response);
    if (first === "data" && second === "export" && this.#isFrom(1, 9)) {
      const ids = isRead ? undefined : body === "" ? [] : JSON.parse(body);
      response.setHeader("content-type", "application/octet-stream");
      return response.end(JSON.stringify(this.#now.rules.export(ids)));
    }
    return this.#text(response, 404, "404 page not found\n");
  }

  get #now() {
    if (this.#process === undefined) throw new Error("the stand-in is not started");
    return this.#process;
  }

  #answerPlugins(
    method: string,
    [, second, name = "", what = ""]: readonly string[],
    { body, query }: { readonly body: string; readonly query: string },
    response: ServerResponse,
  ): unknown {
    const type = second as PluginType;
    const { plugins } = this.#now;
    const kuiper = this.#isFrom(1, 2) ? "eKuiper" : "Kuiper";
    if (name === "") {
      if (method === "GET") return this.#json(response, 200, plugins.list(type));
      const order = JSON.parse(body);
      return plugins.install(type, order).then(
        () => this.#text(response, 201, `${type} plugin ${order.name} is created`),
        (error: Error) => this.#fail(response, 400, `${type} plugins create command error: ${error.message}`),
      );
    }
    if (what === "register" && this.#isFrom(1, 2)) {
      this.#registered.set(name, JSON.parse(body).functions);
      return this.#text(response, 200, `function plugin ${name} function list is registered`);
    }
    const plugin = plugins.get(type, name);
    if (method === "GET") {
      if (plugin === undefined) return this.#fail(response, 404, `describe ${type} plugin ${name} error: not found`);
      const functions = this.#registered.get(name);
      return this.#json(response, 200, { name, version: plugin.version, ...(functions && { functions }) });
    }
    return plugins.remove(type, name).then(
      () => {
        if (query.includes("stop=1"))
          return this.#end(response, `${type} plugin ${name} is deleted and ${kuiper} will be stopped`);
        const text = `${type} plugin ${name} is deleted and ${kuiper} must restart for the change to take effect.`;
        return this.#text(response, 200, text);
      },
      (error: Error) => this.#fail(response, 404, `delete ${type} plugin ${name} error: ${error.message}`),
    );
  }

  #answerStreams(wanted: string, response: ServerResponse): unknown {
    if (wanted === "") return this.#json(response, 200, namesOf(this.streams));
    const stream = this.streams.find(({ name }) => name === wanted);
    if (stream === undefined) {
      const isNew = this.#isFrom(2, 0);
      const reason = isNew ? `Describe stream fails, ${wanted} is not found.` : `Stream ${wanted} is not found.`;
      return this.#fail(response, isNew ? 400 : 404, `describe stream error: ${reason}`);
    }
    const { name, type } = stream;
    const Options = this.#isFrom(1, 6) ? { datasource: "x", type } : { DATASOURCE: "x", TYPE: type };
    return this.#json(response, 200, { Name: name, StreamFields: null, Options });
  }

  #answerRules(method: string, [, id = "", what = ""]: readonly string[], response: ServerResponse): unknown {
    const { rules } = this.#now;
    if (id === "") {
      const listed = this.rules.map((rule) => ({ id: rule.id, name: "", status: rules.listed(rule) }));
      return this.#json(response, 200, listed);
    }
    const rule = this.rules.find((one) => one.id === id);
    if (rule === undefined) return this.#fail(response, 404, `Describe rule error: Rule ${id} is not found.`);
    if (method === "POST") {
      if (what === "stop") rules.stop(rule);
      else rules.start(rule);
      const done = { start: "started", stop: "stopped.", restart: "restarted" }[what];
      return this.#text(response, 200, `Rule ${id} was ${done}`);
    }
    if (what !== "status") return this.#json(response, 200, rules.json(rule));
    const status = rules.status(rule);
    if (typeof status === "string") return this.#text(response, 200, status);
    return this.#isFrom(2, 0) ? this.#json(response, 200, status) : this.#text(response, 200, JSON.stringify(status));
  }

  /**
   * Sources and sinks: parts and plugins alike, since 2.0 with a type. Functions: the files of metadata as they are, of
   * which the engine's own is one.
   */
  #metadata(type: PluginType): object[] {
    const plugins = this.#now.plugins.list(type);
    const orphans = this.#isFrom(1, 6) ? [] : ORPHANS[type].filter((name) => !plugins.includes(name));
    if (type === "functions") {
      const files = [BUILT_IN.functions, ...[...plugins, ...orphans].map((name) => [name])];
      return files.map((names) => ({ about: { installed: true }, functions: names.map((name) => ({ name })) }));
    }
    const typed = (kind: string) => (this.#isFrom(2, 0) ? { type: kind } : {});
    return [
      ...BUILT_IN[type].map((name) => ({ name, about: { installed: true }, ...typed("internal") })),
      ...plugins.map((name) => ({ name, about: { installed: true }, ...typed("native") })),
      ...orphans.map((name) => ({ name, about: { installed: false } })),
    ];
  }

  #about(): object {
    const upTimeSeconds = Math.floor((Date.now() - this.#startedAt) / 1000);
    return { version: this.version, os: "linux", upTimeSeconds };
  }

  #end(response: ServerResponse, text: string): unknown {
    response.once("finish", () => void this.stop().then(() => this.onStop()));
    return this.#text(response, 200, text);
  }

  #fail(response: ServerResponse, status: number, message: string): unknown {
    if (!this.#isFrom(1, 13)) return this.#text(response, status, `${message}\n`);
    response.setHeader("content-type", "text/plain; charset=utf-8");
    return response.writeHead(status).end(JSON.stringify({ error: status === 404 ? 1002 : 1000, message }));
  }

  #text(response: ServerResponse, status: number, text: string): unknown {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    return response.writeHead(status).end(text);
  }

  #json(response: ServerResponse, status: number, value: unknown): unknown {
    response.setHeader("content-type", "application/json");
    return response.writeHead(status).end(JSON.stringify(value));
  }
}

function namesOf(named: readonly { readonly name: string }[]): string[] {
  return named.map(({ name }) => name);
}
