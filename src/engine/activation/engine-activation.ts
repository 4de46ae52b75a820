import { pathToFileURL } from "node:url";
import type { Config } from "../../config/schema.ts";
import { jsonPath, type PluginId, soPath, yamlPath } from "../../domain/plugin.ts";
import type { PluginEntry } from "../../domain/plugin-entry.ts";
import type { Log } from "../../lib/log.ts";
import { quoted } from "../../lib/text.ts";
import type { Activation, ActivationOutcome } from "../../plugins/activation.ts";
import type { Handover } from "../../store/handover/handover.ts";
import type { PluginStore } from "../../store/plugin-store.ts";
import type { Baseline } from "../baseline.ts";
import type { EngineClient, EngineReply } from "../engine-client.ts";
import { messageOf } from "../engine-message.ts";
import type { HandedZips } from "../handed-zips.ts";
import type { EngineAbout } from "../running-engine.ts";
import { functionsInMetadata } from "./function-list.ts";
import { archiveEntries, type EngineInstaller, installerOf } from "./installer.ts";
import type { OpenHandovers } from "./open-handovers.ts";
import { PluginArchive } from "./plugin-archive.ts";

/** The engine copies the zip, unpacks it and links what is in it: an install has that many times `engine.timeoutSeconds`. */
export const INSTALL_PATIENCE = 6;

interface EngineActivationOptions {
  readonly engine: {
    readonly client: EngineClient;
    readonly baseline: Baseline;
    readonly zips: HandedZips;
    about(): Promise<EngineAbout>;
    forget(): void;
  };
  readonly config: Pick<Config["engine"], "timeoutSeconds">;
  readonly store: PluginStore;
  readonly open: OpenHandovers;
}

/** Hands an installed plugin to the engine by the engine's own install call, so that its process loads it at once. */
export class EngineActivation implements Activation {
  readonly #options: EngineActivationOptions;

  constructor(options: EngineActivationOptions) {
    this.#options = options;
  }

  async activate(id: PluginId, entry: PluginEntry, log: Log): Promise<ActivationOutcome> {
    try {
      await this.#activate(id, entry, log);
      await this.#options.engine.baseline.loaded(id, entry);
      log.info({ plugin: id, version: entry.version }, "the engine has loaded the plugin");
      return { state: "loaded" };
    } catch (err) {
      log.warn({ err, plugin: id, version: entry.version }, "the engine has not loaded the plugin: it must restart");
      return { state: "restart-required", reason: (err as Error).message };
    } finally {
      this.#options.engine.forget(); // what was asked before is old by now
    }
  }

  /** @throws PluginError or Error with the reason */
  async #activate(id: PluginId, entry: PluginEntry, log: Log): Promise<void> {
    const { engine, store } = this.#options;
    engine.forget();
    const { version } = await engine.about();
    const installer = installerOf(version);
    const functions = await this.#functionsOf(id, entry, installer, log);
    if (await this.#isListed(id)) {
      // It was started after the commit, and so has this version; or it has kept one that is deleted by now.
      if (engine.baseline.knownOf(id)?.change !== entry.change) {
        throw new Error("the engine has another version of this plugin loaded, and can't unload it");
      }
    } else {
      await this.#handOver(id, entry, functions, version, log);
      if (!(await this.#isListed(id))) throw new Error("the engine took the plugin but does not list it");
    }
    if (functions.length > 0) {
      const path = `/plugins/functions/${encodeURIComponent(id.name)}/register`;
      const reply = await engine.client.ask(path, { method: "POST", body: { functions } });
      if (!isSuccess(reply)) throw refusal("does not register its functions", reply);
    }
    if (store.get(id)?.change !== entry.change) throw new Error("another version was put into its place meanwhile");
  }

  async #handOver(
    id: PluginId,
    entry: PluginEntry,
    functions: readonly string[],
    version: string,
    log: Log,
  ): Promise<void> {
    const { store, open } = this.#options;
    const paths = [soPath(id.type, entry.soFile), yamlPath(id), jsonPath(id)];
    const handover = await store.handOver(id, entry, paths);
    let reply: EngineReply;
    try {
      reply = await this.#install(id, entry, handover, functions, version);
    } catch (error) {
      // Nobody knows what it did, or still does.
      await open.watch(handover, log);
      throw error;
    }
    const damaged = await handover.finish().catch(async (error) => {
      await open.watch(handover, log);
      throw error;
    });
    if (damaged.length > 0)
      log.warn({ plugin: id, files: damaged }, "the engine damaged files of the plugin: they were put back");
    if (!isSuccess(reply)) throw refusal("refuses it", reply);
    if (damaged.includes(soPath(id.type, entry.soFile))) {
      throw new Error("the engine wrote another .so than it was given; the installed one was put back");
    }
  }

  /** @throws PluginError where the engine does not answer; the file system's error for the zip */
  async #install(
    { type, name }: PluginId,
    entry: PluginEntry,
    handover: Handover,
    functions: readonly string[],
    version: string,
  ): Promise<EngineReply> {
    const { engine, config } = this.#options;
    const copies = new Map(handover.files.map(({ path, copy }) => [path, copy]));
    const entries = archiveEntries(
      { type, name },
      entry.soFile,
      copies.has(yamlPath({ type, name })),
      installerOf(version),
    );
    const files = entries.flatMap((path) => ({ path, copy: copies.get(path) ?? "" }));
    await using zip = await PluginArchive.write(engine.zips.path(handover.change, version), files);
    return await engine.client.ask(`/plugins/${type}`, {
      method: "POST",
      body: { name, file: pathToFileURL(zip.path).href, ...(functions.length > 0 && { functions }) },
      timeoutSeconds: config.timeoutSeconds * INSTALL_PATIENCE,
    });
  }

  async #functionsOf(
    id: PluginId,
    { functions = [] }: PluginEntry,
    { hasFunctionLists }: EngineInstaller,
    log: Log,
  ): Promise<readonly string[]> {
    if (id.type !== "functions" || !hasFunctionLists) return [];
    return functions.length > 0
      ? functions
      : functionsInMetadata(this.#options.store.layout.absolute(jsonPath(id)), log);
  }

  async #isListed({ type, name }: PluginId): Promise<boolean> {
    const names = await this.#options.engine.client.json(`/plugins/${type}`);
    return Array.isArray(names) && names.includes(name);
  }
}

function isSuccess({ status }: EngineReply): boolean {
  return status === 200 || status === 201;
}

function refusal(what: string, { status, text }: EngineReply): Error {
  return new Error(`the engine ${what}: ${quoted(messageOf(text) || `status ${status}`, 1000)}`);
}
