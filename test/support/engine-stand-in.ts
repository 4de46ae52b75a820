import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PLUGIN_TYPES, type PluginType } from "../../src/domain/plugin.ts";

/** A rule of the stand-in: what it needs, and so whether it runs. */
export interface StandInRule {
  readonly id: string;
  /** `SELECT … FROM stream`, with the functions that it calls. */
  readonly sql: string;
  /** Names of sinks. */
  readonly actions: readonly string[];
}

/** A stream: the source that it reads. */
export interface StandInStream {
  readonly name: string;
  /** The name of a source: the stream's TYPE. */
  readonly type: string;
}

interface StandInOptions {
  /** The base folder with `plugins/` and `etc/`. */
  readonly base: string;
  /** Decides about its habits: below 1.6 the folder is read once and nothing is opened before it is used. Default 2.1.0. */
  readonly version?: string;
}

/** A request that came, for what a test asks. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/** What the engine's process knows of one plugin. */
interface Loaded {
  readonly version: string;
  readonly content: string;
}

/** A .so with this text fails to load, one with the other makes every rule stop that needs it; the reason follows. */
export const DOES_NOT_LOAD = "DOES-NOT-LOAD:";
export const RULE_FAILS = "RULE-FAILS:";

/** Built in: not from the plugins' folder. */
const BUILT_IN: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["mqtt", "httppull", "memory"],
  sinks: ["log", "mqtt", "rest", "nop"],
  functions: ["abs", "avg", "count", "cos", "exp", "ln", "max", "min", "sign", "sin", "sqrt", "sum", "zip_with"],
};

/** Files of metadata that 1.0 has from the beginning, for plugins that may not be there; it calls the functions installed. */
const ORPHANS: Readonly<Record<PluginType, readonly string[]>> = {
  sources: ["random", "zmq"],
  sinks: ["influx", "zmq"],
  functions: ["echo", "countPlusOne"],
};

/**
 * What an engine does at its REST interface, without Go: it reads the plugins' folder when its process starts, takes the
 * installs of its own, and runs rules as far as their plugins are loaded. The real engine's loader is tried in test/system.
 * A "process" is what happens between `start` and `stop`.
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
  #startedAt = 0;
  #loaded: Record<PluginType, Map<string, Loaded>> = { sources: new Map(), sinks: new Map(), functions: new Map() };
  #registered = new Map<string, readonly string[]>();

  constructor({ base, version = "2.1.0" }: StandInOptions) {
    this.base = base;
    this.version = version;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts a process. The port stays the same over restarts. */
  async start(): Promise<this> {
    this.starts += 1;
    this.#startedAt = Date.now();
    for (const type of PLUGIN_TYPES) this.#loaded[type] = this.#readFolder(type);
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Pretends that the present process was started so long ago: up times are whole seconds. */
  age(seconds: number): void {
    this.#startedAt -= seconds * 1000;
  }

  #readFolder(type: PluginType): Map<string, Loaded> {
    const folder = join(this.base, "plugins", type);
    const found = new Map<string, Loaded>();
    for (const file of readdirSync(folder)) {
      const [, name = "", version = ""] = /^([^@]+?)(?:@(?:v)?(.*?))?\.so$/.exec(file) ?? [];
      if (name === "") continue;
      const content = readFileSync(join(folder, file), "latin1");
      if (this.#opensAtStart && content.includes(DOES_NOT_LOAD)) continue;
      found.set(name.charAt(0).toLowerCase() + name.slice(1), { version, content });
    }
    return found;
  }

  get #opensAtStart(): boolean {
    return this.#isFrom(1, 6);
  }

  #isFrom(major: number, minor: number, patch = 0): boolean {
    const [ours = 0, second = 0, third = 0] = this.version.split(".").map(Number);
    return (ours - major || second - minor || third - patch) >= 0;
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
    const [first = "", second = "", third = "", fourth = ""] = parts;
    const isRead = method === "GET";
    if (first === "") return this.#json(response, 200, this.#about());
    if (first === "ping") return response.end();
    if (first === "stop" && this.#isFrom(1, 12)) return this.#end(response, "stop success");
    if (first === "plugins" && (PLUGIN_TYPES as readonly string[]).includes(second)) {
      const type = second as PluginType;
      const plugins = this.#loaded[type];
      if (third === "") {
        if (isRead) return this.#json(response, 200, [...plugins.keys()]);
        return this.#install(type, JSON.parse(body), response);
      }
      const plugin = plugins.get(third);
      if (fourth === "register") {
        this.#registered.set(third, JSON.parse(body).functions);
        return this.#text(response, 200, `function plugin ${third} function list is registered`);
      }
      if (plugin === undefined) return this.#fail(response, 404, `describe ${type} plugin ${third} error: not found`);
      const functions = this.#registered.get(third);
      if (isRead)
        return this.#json(response, 200, { name: third, version: plugin.version, ...(functions && { functions }) });
      plugins.delete(third);
      const stops = query.includes("stop=1");
      if (stops) return this.#end(response, `${type} plugin ${third} is deleted and eKuiper will be stopped`);
      return this.#text(response, 200, `${type} plugin ${third} is deleted and eKuiper must restart`);
    }
    if (first === "metadata" && isRead) {
      return this.#json(response, 200, this.#metadata(second as PluginType));
    }
    if (first === "tables" && second === "" && isRead && this.#isFrom(1, 2)) return this.#json(response, 200, []);
    if (first === "streams" && isRead) {
      if (second === "")
        return this.#json(
          response,
          200,
          this.streams.map(({ name }) => name),
        );
      const stream = this.streams.find(({ name }) => name === second);
      if (stream === undefined) return this.#fail(response, 404, `stream ${second} is not found`);
      const { name, type } = stream;
      return this.#json(response, 200, {
        Name: name,
        Options: this.#isFrom(1, 6) ? { type, datasource: "x" } : { TYPE: type, DATASOURCE: "x" },
      });
    }
    if (first === "rules" && isRead) return this.#answerRules(second, third, response);
    if (first === "data" && second === "export" && this.#isFrom(1, 9)) {
      return this.#json(response, 200, this.#export(body === "" ? undefined : JSON.parse(body)));
    }
    return this.#text(response, 404, "404 page not found\n");
  }

  #answerRules(id: string, what: string, response: ServerResponse): unknown {
    if (id === "") {
      const rules = this.rules.map((rule) => ({ id: rule.id, name: "", status: this.#listedStatus(rule) }));
      return this.#json(response, 200, rules);
    }
    const rule = this.rules.find((one) => one.id === id);
    if (rule === undefined) return this.#fail(response, 404, `rule ${id} is not found`);
    if (what === "status") {
      const status = this.statusOf(rule);
      // 1.0 answers with a line of text where the rule does not run.
      if (status !== "Running" && !this.#isFrom(1, 6)) return this.#text(response, 200, status);
      const running = status === "Running" ? { status: "running" } : { status: "stopped by error", message: status };
      return this.#json(response, 200, running);
    }
    return this.#json(response, 200, this.#ruleJson(rule));
  }

  #ruleJson({ id, sql, actions }: StandInRule): object {
    return { id, sql, actions: actions.map((sink) => ({ [sink]: {} })) };
  }

  /** Since 2.0 without the engine's words, which the rule's own status has. */
  #listedStatus(rule: StandInRule): string {
    const status = this.statusOf(rule);
    if (!this.#isFrom(2, 0)) return status;
    return status === "Running" ? "running" : "stopped by error";
  }

  /**
   * Sources and sinks: parts and plugins alike, since 2.0 with a type. Functions: the files of metadata as they are, of
   * which the engine's own is one.
   */
  #metadata(type: PluginType): object[] {
    const orphans = this.#isFrom(1, 6) ? [] : ORPHANS[type].filter((name) => !this.#loaded[type].has(name));
    const plugins = [...this.#loaded[type].keys()];
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

  /** `Running`, or `Stopped: …` with the engine's words. */
  statusOf(rule: StandInRule): string {
    const reason = this.#needs(rule)
      .map(({ type, name }) => this.#objection(type, name))
      .find((one) => one !== undefined);
    return reason === undefined ? "Running" : `Stopped: ${reason}`;
  }

  #needs(rule: StandInRule): { type: PluginType; name: string }[] {
    const stream = this.streams.find(({ name }) => new RegExp(`\\bfrom\\s+${name}\\b`, "i").test(rule.sql));
    const source = stream === undefined ? [] : [{ type: "sources" as const, name: stream.type }];
    const sinks = rule.actions.map((name) => ({ type: "sinks" as const, name }));
    const functions = Array.from(rule.sql.matchAll(/(\w+)\(/g), ([, name = ""]) => ({
      type: "functions" as const,
      name,
    }));
    return [...source, ...sinks, ...functions];
  }

  #objection(type: PluginType, name: string): string | undefined {
    if (BUILT_IN[type].includes(name)) return undefined;
    const plugin = this.#loaded[type].get(name) ?? (type === "functions" ? this.#functionPlugin(name) : undefined);
    if (plugin === undefined) {
      if (type === "sources") return `source type ${name} not found`;
      return type === "sinks" ? `sink ${name} is not defined` : `function ${name} not found`;
    }
    for (const mark of [DOES_NOT_LOAD, RULE_FAILS]) {
      const at = plugin.content.indexOf(mark);
      if (at >= 0) return plugin.content.slice(at + mark.length).split(/[\n\0]/)[0];
    }
    return undefined;
  }

  #functionPlugin(name: string): Loaded | undefined {
    return this.#loaded.functions.get(this.#functionOwner(name));
  }

  #functionOwner(name: string): string {
    return [...this.#registered].find(([, names]) => names.includes(name))?.[0] ?? name;
  }

  /** As the engine's own install: the zip's .so and yaml go to their folders, in place of what is there. */
  async #install(
    type: PluginType,
    { name, file, functions }: { name: string; file: string; functions?: string[] },
    response: ServerResponse,
  ): Promise<unknown> {
    const { installZip } = await import("./engine-stand-in-install.ts");
    if (this.#loaded[type].has(name))
      return this.#fail(response, 400, `${type} plugins create command error: invalid name ${name}: duplicate`);
    try {
      const isFrom = (...wanted: [number, number, number?]) => this.#isFrom(...wanted);
      const revoke = await installZip({ base: this.base, type, name, file, isFrom });
      const content = this.#readFolder(type).get(name);
      if (content === undefined) {
        await revoke();
        throw new Error(`fail to install plugin: cannot open plugin ${name}: it does not load`);
      }
      this.#loaded[type].set(name, content);
      if (functions !== undefined) this.#registered.set(name, functions);
      return this.#text(response, 201, `${type} plugin ${name} is created`);
    } catch (error) {
      return this.#fail(response, 400, `${type} plugins create command error: ${(error as Error).message}`);
    }
  }

  /** What the rules need, as POST /data/export answers. */
  #export(ids: readonly string[] | undefined): object {
    const rules = this.rules.filter(({ id }) => ids === undefined || ids.includes(id));
    const nativePlugins: Record<string, string> = {};
    const streams: Record<string, string> = {};
    for (const rule of rules) {
      for (const { type, name } of this.#needs(rule)) {
        const plugin = type === "functions" ? this.#functionOwner(name) : name;
        if (this.#loaded[type].has(plugin)) nativePlugins[`${type}_${plugin}`] = "file:///somewhere.zip";
      }
      for (const { name } of this.streams) if (rule.sql.includes(name)) streams[name] = `CREATE STREAM ${name}`;
    }
    return {
      streams,
      tables: {},
      rules: Object.fromEntries(rules.map((rule) => [rule.id, JSON.stringify(this.#ruleJson(rule))])),
      nativePlugins,
      portablePlugins: {},
    };
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
    return response.writeHead(status).end(JSON.stringify({ error: 1000, message }));
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
