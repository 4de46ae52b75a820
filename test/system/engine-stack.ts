import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort } from "../support/free-port.ts";
import { type Answer, send } from "../support/http-client.ts";
import { writePluginZip } from "../support/plugin-zip.ts";
import { tempFolder } from "../support/temp-folder.ts";
import type { HostBuild, HostPlugin } from "./host-build.ts";
import { Program, ROOT, readText, run, waitFor } from "./programs.ts";

export type Supervised = "engine" | "server";

interface StackOptions {
  readonly build: HostBuild;
  readonly version?: string;
  /** Of the plugin server, without `KUIPER__`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** As docs/examples/in-front/supervisor.conf calls them. */
const PROGRAMS = { engine: "kuiper", server: "kuiper-plugin-server" } as const;

/** An engine-like host and this server in front of it, both under a supervisord of the test's own, as documented. */
export class EngineStack {
  readonly base: string;
  readonly url: string;
  readonly engineUrl: string;
  readonly #folder: string;
  readonly #build: HostBuild;
  readonly #supervisor: Program;

  private constructor(folder: string, ports: readonly number[], build: HostBuild, supervisor: Program) {
    this.#folder = folder;
    this.base = join(folder, "kuiper");
    [this.url, this.engineUrl] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string];
    this.#build = build;
    this.#supervisor = supervisor;
  }

  static async start({ build, version = "2.4.0", settings = {} }: StackOptions): Promise<EngineStack> {
    const folder = await tempFolder();
    const base = join(folder, "kuiper");
    for (const type of ["sources", "sinks", "functions", "portable"]) {
      await mkdir(join(base, "plugins", type), { recursive: true });
    }
    const ports = [await freePort(), await freePort()] as const;
    const configuration = join(folder, "supervisord.conf");
    await writeEngine(join(base, "bin/kuiperd"), build.program, version);
    const given = Object.entries({ ENGINE__SETTLESECONDS: "1", ...settings }).map(
      ([name, value]) => `,KUIPER__${name}='${value.replaceAll("CONFIGURATION", configuration)}'`,
    );
    const sections = await documentedSections([
      ["/opt/kuiper-plugin-server", ROOT],
      ["/opt/kuiper", base],
      ["/usr/bin/node", process.execPath],
      ["/var/log/supervisor/kuiper.log", join(folder, "engine.log")],
      ["/var/log/supervisor/kuiper-plugin-server.log", join(folder, "server.log")],
      ["user=kuiper\n", ""],
      ["9081", String(ports[0])],
      ["9082", String(ports[1])],
      ['KUIPER__ENGINE__RESTART="stop"', `KUIPER__ENGINE__RESTART="stop"${given.join("")}`],
    ]);
    await writeFile(
      configuration,
      `[supervisord]
nodaemon=true
logfile=${folder}/supervisord.log
pidfile=${folder}/supervisord.pid
childlogdir=${folder}
${process.getuid?.() === 0 ? "user=root" : ""}
[unix_http_server]
file=${folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${folder}/supervisor.sock
${sections}`,
    );
    const command = ["supervisord", "-c", configuration] as const;
    const supervisor = new Program(command, { cwd: folder, env: { PATH: process.env.PATH } });
    const stack = new EngineStack(folder, ports, build, supervisor);
    await stack.answers();
    return stack;
  }

  /** Waits until both answer. */
  async answers(): Promise<void> {
    for (const url of [this.engineUrl, this.url]) {
      await waitFor(url, async () => {
        if (!this.#supervisor.isRunning) throw new Error(`supervisord ended: ${this.#supervisor.output}`);
        const isThere = await fetch(`${url}/ping`, { signal: AbortSignal.timeout(1000) }).then(
          ({ ok }) => ok,
          () => false,
        );
        return isThere ? true : undefined;
      }).catch(async (error) => {
        throw new Error(`${error.message}: ${await this.log("server")}${await this.log("engine")}`);
      });
    }
  }

  log(program: Supervised): Promise<string> {
    return readFile(join(this.#folder, `${program}.log`), "utf8").catch(() => "");
  }

  async pid(program: Supervised): Promise<number> {
    const { stdout } = await run([
      "supervisorctl",
      "-c",
      join(this.#folder, "supervisord.conf"),
      "pid",
      PROGRAMS[program],
    ]);
    return Number(stdout);
  }

  /** Kills a process as the kernel would; supervisord starts it again. */
  async kill(program: Supervised): Promise<void> {
    const pid = await this.pid(program);
    if (pid > 1) process.kill(pid, "SIGKILL");
  }

  async get(path: string): Promise<unknown> {
    return JSON.parse((await send(`${this.url}${path}`)).text);
  }

  /** Installs or updates a plugin through this server. */
  async put(method: "POST" | "PUT", plugin: HostPlugin, version: string, query = ""): Promise<Answer> {
    const contents = this.#build.contents(plugin, version);
    const zip = await writePluginZip(this.base, contents, `${plugin}-${version}.zip`);
    const name = method === "POST" ? "" : `/${contents.name}`;
    return send(`${this.url}/plugins/${contents.type}${name}${query}`, {
      method,
      body: { name: contents.name, file: pathToFileURL(zip).href },
    });
  }

  /** A stream of the source random and a rule that reads it, made at the engine. */
  async createRule(): Promise<void> {
    const sql = 'CREATE STREAM demo () WITH (TYPE="random")';
    await send(`${this.engineUrl}/streams`, { method: "POST", body: { sql } });
    const body = { id: "rule1", sql: "SELECT * FROM demo", actions: [{ log: {} }] };
    const { status, text } = await send(`${this.engineUrl}/rules`, { method: "POST", body });
    if (status !== 201) throw new Error(text);
  }

  /** The version in the messages that a rule has got; waits until it has got one. */
  async messageVersion(): Promise<number> {
    return waitFor("a message of the rule", async () => {
      const { text } = await send(`${this.engineUrl}/rules/rule1/status`).catch(() => ({ text: "{}" }));
      return (text.startsWith("{") ? JSON.parse(text) : {}).last_message?.version;
    });
  }

  /** Halts the engine when it gets to a point, see halt in its main.go. */
  haltAt(point: string): Promise<void> {
    return writeFile(join(this.base, "data/halt"), point);
  }

  /** Resolves when the engine is there. */
  async halted(point: string): Promise<void> {
    await waitFor(`the engine at ${point}`, async () => {
      const halted = await readFile(join(this.base, "data/halted"), "utf8").catch(() => "");
      return halted === point ? true : undefined;
    });
  }

  async goOn(): Promise<void> {
    await rm(join(this.base, "data/halt"), { force: true });
    await rm(join(this.base, "data/halted"), { force: true });
  }

  /** What a job was to answer, once it has ended. */
  job(path: string): Promise<Readonly<Record<string, unknown>>> {
    return waitFor(
      `the job ${path}`,
      async () => {
        const { status, text } = await send(`${this.url}${path}`).catch(() => ({ status: 0, text: "" }));
        return status === 200 ? JSON.parse(text).result?.body : undefined;
      },
      90,
    );
  }

  /** The .so files of the sources, with their sizes. */
  async sources(): Promise<readonly string[]> {
    return (await readdir(join(this.base, "plugins/sources"))).filter((name) => name.endsWith(".so"));
  }

  soFile(name: string): Promise<Buffer> {
    return readFile(join(this.base, "plugins/sources", name));
  }
}

/** The documented programs: only paths, ports and users are those of this machine. */
async function documentedSections(
  replacements: readonly (readonly [documented: string, here: string])[],
): Promise<string> {
  let sections = await readText("docs/examples/in-front/supervisor.conf");
  for (const [documented, here] of replacements) {
    if (!sections.includes(documented)) throw new Error(`the example has no ${documented}`);
    sections = sections.replaceAll(documented, () => here);
  }
  return sections;
}

/** The host in the engine's place: it takes as arguments what the engine reads from its environment. */
async function writeEngine(path: string, program: string, version: string): Promise<void> {
  const address = '"$KUIPER__BASIC__RESTIP:$KUIPER__BASIC__RESTPORT"';
  const command = `exec "${program}" -base "$KuiperBaseKey" -address ${address} -version ${version}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
}
