import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DOES_NOT_LOAD, EngineStandIn, RULE_FAILS } from "../support/engine-stand-in.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import type { ZipEntry } from "../support/zip.ts";
import { buildHost, type HostBuild, type HostPlugin } from "./host-build.ts";
import { Program, waitForPing } from "./programs.ts";

/** The two engines of our tests answer alike: the host in Go, which calls plugins for real, and the stand-in in Node. */

let folder: string;
let build: HostBuild;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-server-test-"));
  build = await buildHost(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the stand-in reads in place of the .so. */
const MARKS: Readonly<Partial<Record<HostPlugin, string>>> = {
  nodevice: `${RULE_FAILS}device /dev/sensor7 is missing\n`,
  unfit: `${DOES_NOT_LOAD}plugin was built with a different version of package runtime/internal/sys\n`,
};

type Question = readonly [method: string, path: string, body?: object];

/** Asks both the same, and compares status, content type and body. */
class Pair {
  readonly #host: { readonly url: string; readonly base: string };
  readonly #standIn: EngineStandIn;

  constructor(host: { readonly url: string; readonly base: string }, standIn: EngineStandIn) {
    this.#host = host;
    this.#standIn = standIn;
  }

  static async start(version: string): Promise<Pair> {
    const own = await mkdtemp(join(folder, "pair-"));
    const bases = [join(own, "host-base"), join(own, "stand-in-base")] as const;
    for (const base of bases) {
      for (const type of ["sources", "sinks", "functions", "portable"]) {
        await mkdir(join(base, "plugins", type), { recursive: true });
      }
      await mkdir(join(base, "data", "uploads"), { recursive: true });
    }
    const address = `127.0.0.1:${await freePort()}`;
    const command = [build.program, "-base", bases[0], "-address", address, "-version", version] as const;
    const program = new Program(command, { cwd: folder, env: {} });
    await waitForPing(`http://${address}`, program);
    const standIn = await new EngineStandIn({ base: bases[1], version }).start();
    return new Pair({ url: `http://${address}`, base: bases[0] }, standIn);
  }

  async ask([method, path, body]: Question): Promise<string> {
    const options = { method, ...(body && { body }) };
    const [host, standIn] = await Promise.all([
      send(`${this.#host.url}${path}`, options),
      send(`${this.#standIn.url}${path}`, options),
    ]);
    const shown = ({ status, headers, text }: typeof host) => ({
      question: `${method} ${path}`,
      status,
      type: headers["content-type"],
      connection: headers.connection,
      body: comparable(text),
    });
    expect.soft(shown(host)).toEqual(shown(standIn));
    return host.text;
  }

  /** Each engine by itself installs the plugin. */
  async install(
    plugin: HostPlugin,
    version?: string,
    extraEntries: readonly ZipEntry[] = [],
  ): Promise<{ readonly status: number; readonly text: unknown }> {
    const contents = build.contents(plugin, version);
    const order = { name: contents.name, ...(plugin === "numbers" && { functions: ["double", "half"] }) };
    const answers = [];
    for (const { url, base } of [this.#host, this.#standIn]) {
      const soContent = base === this.#host.base ? contents.soContent : (MARKS[plugin] ?? "so");
      const zip = await writePluginZip(join(base, "data", "uploads"), {
        ...contents,
        extraEntries,
        soContent: soContent ?? null,
      });
      const body = { ...order, file: pathToFileURL(zip).href };
      answers.push(await send(`${url}/plugins/${contents.type}`, { method: "POST", body }));
    }
    const [host, standIn] = answers.map(({ status, text }) => ({ status, text: comparable(text) }));
    expect(host).toEqual(standIn);
    return host ?? { status: 0, text: undefined };
  }

  /** Rules and streams can only be written into the stand-in. */
  async create(streams: readonly { name: string; type: string }[], rules: readonly StandInOrder[]): Promise<void> {
    this.#standIn.streams.push(...streams);
    this.#standIn.rules.push(...rules);
    for (const { name, type } of streams) {
      const sql = `CREATE STREAM ${name} () WITH (TYPE="${type}")`;
      await send(`${this.#host.url}/streams`, { method: "POST", body: { sql } });
    }
    for (const { id, sql, actions } of rules) {
      const body = { id, sql, actions: actions.map((action) => ({ [action]: {} })) };
      const { status, text } = await send(`${this.#host.url}/rules`, { method: "POST", body });
      expect([status, text]).toEqual([201, `Rule ${id} was created successfully.`]);
    }
  }

  /** The plugin is installed beside the engine, and handed to it in a zip with its yaml so many times. */
  async installOver(times: number): Promise<number> {
    for (const { base } of [this.#host, this.#standIn]) {
      await mkdir(join(base, "etc/sources"), { recursive: true });
      await writeFile(join(base, "etc/sources/random.yaml"), "edited: true");
      await writeFile(join(base, "plugins/sources/Random@v1.0.0.so"), "installed by the plugin server");
    }
    const again = Array.from({ length: times - 1 }, () => ({ name: "random.yaml", data: "edited: true" }));
    return (await this.install("random", "1.0.0", again)).status;
  }

  /** What both have in their folder of sources. */
  async filesOf(name: string): Promise<string> {
    const [host, standIn] = await Promise.all(
      [this.#host, this.#standIn].map(({ base }) => readdir(join(base, "plugins/sources"))),
    );
    expect(host).toEqual(standIn);
    return (host ?? []).filter((file) => file.toLowerCase().startsWith(name)).join();
  }

  stop(): Promise<void> {
    return this.#standIn.dispose();
  }
}

interface StandInOrder {
  readonly id: string;
  readonly sql: string;
  readonly actions: readonly string[];
}

/** Without paths, times and numbers that differ by nature; Go's words on a package are those of its build. */
function comparable(text: string): unknown {
  const plain = text
    .replaceAll(/[^\s"\\]*\/(?:host|stand-in)-base\//g, "BASE/")
    .replaceAll(/plugin\.Open\((\\?")BASE[^"\\]*(\\?")\)/g, "plugin.Open($1SO$2)")
    .replaceAll(/different version of package [\w./-]+/g, "different version of package P");
  try {
    return keysAndValues(JSON.parse(plain));
  } catch {
    return plain;
  }
}

/** Metrics, up times and what was ordered differ; the keys of the rest don't. */
function keysAndValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keysAndValues);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !/^upTimeSeconds$|^source_|^last_message$/.test(key));
  return Object.fromEntries(
    kept.map(([key, one]) => {
      if (key === "streams") return [key, Object.keys(one).sort()];
      if (key === "nativePlugins")
        return [
          key,
          Object.keys(one)
            .sort()
            .map((name) => [name, one[name] === ""]),
        ];
      return [
        key,
        typeof one === "string" && one.startsWith("{") ? keysAndValues(JSON.parse(one)) : keysAndValues(one),
      ];
    }),
  );
}

const READS: readonly Question[] = [
  ["GET", "/"],
  ["POST", "/"],
  ["GET", "/ping"],
  ["GET", "/nothing"],
  ["GET", "/tables"],
  ["GET", "/streams"],
  ["GET", "/streams/demo"],
  ["GET", "/streams/none"],
  ["GET", "/rules"],
  ["GET", "/rules/good"],
  ["GET", "/rules/none"],
  ["GET", "/rules/none/status"],
  ["POST", "/data/export"],
  ["POST", "/data/export", ["good", "none"]],
  ["GET", "/data/export"],
  ...["sources", "sinks", "functions"].flatMap((type): Question[] => [
    ["GET", `/plugins/${type}`],
    ["GET", `/plugins/${type}/random`],
    ["GET", `/plugins/${type}/numbers`],
    ["GET", `/metadata/${type}`],
  ]),
];

describe.each(["1.0.2", "1.8.0", "1.13.0", "2.4.0"])("an engine of version %s", (version) => {
  test("is the same in Go and in Node", async () => {
    const pair = await Pair.start(version);
    const askAll = async () => {
      for (const question of READS) await pair.ask(question);
    };
    await askAll();
    expect((await pair.install("random")).status).toBe(201);
    expect(JSON.stringify((await pair.install("random")).text)).toContain("duplicate");
    expect((await pair.install("sinky")).status).toBe(201);
    expect((await pair.install("numbers")).status).toBe(201);
    await pair.ask(["POST", "/plugins/functions/numbers/register", { functions: ["double", "half"] }]);
    const calls = version === "1.0.2" ? "*" : "double(version)";
    await pair.create(
      [{ name: "demo", type: "random" }],
      [{ id: "good", sql: `SELECT ${calls} FROM demo`, actions: ["sinky", "log"] }],
    );
    await askAll();
    expect(await pair.ask(["GET", "/rules"])).toMatch(/"status":"running"/i);
    await pair.ask(["GET", "/rules/good/status"]);

    await pair.ask(["POST", "/rules/good/stop"]);
    await pair.ask(["GET", "/rules/good/status"]);
    await askAll();
    await pair.ask(["POST", "/rules/good/start"]);

    await pair.ask(["DELETE", "/plugins/sources/random"]);
    await pair.ask(["GET", "/rules"]); // it goes on with the code that it has
    await pair.ask(["DELETE", "/plugins/sources/nothing"]);
    await askAll();
    const again = await pair.install("unfit", "2.0.0");
    // A process that has opened the name doesn't open it again, so what doesn't fit is taken.
    expect(again.status).toBe(version.startsWith("1.0") || version.startsWith("1.8") ? 400 : 201);
    await askAll();
    await pair.stop();
  });

  test("treats what does not load alike", async () => {
    const pair = await Pair.start(version);
    const { status, text } = await pair.install("unfit");
    expect(status).toBe(version === "1.0.2" ? 201 : 400);
    if (version !== "1.0.2") expect(JSON.stringify(text)).toContain("different version of package");
    for (const question of READS) await pair.ask(question);
    await pair.stop();
  });

  test("takes the same zips for a source that has a yaml", async () => {
    const pair = await Pair.start(version);
    expect(await pair.installOver(1)).toBe(version === "2.4.0" ? 400 : 201);
    expect(await pair.filesOf("random")).toBe(version === "2.4.0" ? "" : "Random@v1.0.0.so");
    await pair.stop();
    const second = await Pair.start(version);
    // Two that are replaced count as two, so one is too many.
    expect(await second.installOver(2)).toBe(version === "2.4.0" ? 201 : 400);
    expect(await second.filesOf("random")).toBe(version === "2.4.0" ? "Random@v1.0.0.so" : "");
    await second.stop();
  });
});
