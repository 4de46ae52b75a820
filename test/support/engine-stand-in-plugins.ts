import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PLUGIN_TYPES, type PluginType } from "../../src/domain/plugin.ts";
import { installZip, removeFiles } from "./engine-stand-in-install.ts";

/** What the engine's process knows of one plugin. */
interface Loaded {
  /** As in the .so's name, or `$deleted` until the next process. */
  readonly version: string;
  readonly so: string;
  /** As it was opened; a process opens a plugin once, so another version of the same plugin runs with this. */
  readonly content: string;
  /** What its own install was given; undefined for a .so that was found in the folder. */
  readonly order?: string;
}

/** A .so with this text fails to load; the reason follows. */
export const DOES_NOT_LOAD = "DOES-NOT-LOAD:";

/** The version of a plugin that was deleted since the start of the process, which still lists it. */
const DELETED = "$deleted";

/** An order for an install by the engine itself. */
export interface OwnOrder {
  readonly name: string;
  readonly file: string;
  readonly functions?: readonly string[];
}

/** The plugins of one process of the stand-in. */
export class StandInPlugins {
  readonly #base: string;
  readonly #isFrom: (major: number, minor: number, patch?: number) => boolean;
  readonly #plugins: Readonly<Record<PluginType, Map<string, Loaded>>>;
  /** Function names by plugin: the engine keeps them over restarts. */
  readonly registered: Map<string, readonly string[]>;

  /** Reads the folders, as a process does once, when it starts. */
  constructor(
    base: string,
    isFrom: (major: number, minor: number, patch?: number) => boolean,
    registered: Map<string, readonly string[]>,
  ) {
    this.#base = base;
    this.#isFrom = isFrom;
    this.registered = registered;
    const [sources, sinks, functions] = PLUGIN_TYPES.map((type) => this.#readFolder(type));
    if (!sources || !sinks || !functions) throw new Error("there are three types");
    this.#plugins = { sources, sinks, functions };
  }

  list(type: PluginType): string[] {
    return [...this.#plugins[type].keys()];
  }

  get(type: PluginType, name: string): Loaded | undefined {
    return this.#plugins[type].get(name);
  }

  /** The plugin that has a function: the one where it is registered, else the one of its name. */
  ownerOf(functionName: string): string {
    return [...this.registered].find(([, names]) => names.includes(functionName))?.[0] ?? functionName;
  }

  /** @throws Error with the engine's words */
  async install(type: PluginType, order: OwnOrder): Promise<void> {
    const { name, file, functions } = order;
    const known = this.get(type, name);
    if (known !== undefined && known.version !== DELETED) throw new Error(`invalid name ${name}: duplicate`);
    if (known !== undefined && !this.#isFrom(1, 11)) {
      const reason = "the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet";
      throw new Error(`invalid name ${name}: ${reason}`);
    }
    const so = await installZip(
      { base: this.#base, type, name, url: file },
      {
        keepsYaml: this.#isFrom(1, 12),
        countsKept: this.#isFrom(1, 12, 3),
        readsUploadsAlone: this.#isFrom(2, 4),
        writesData: this.#isFrom(2, 2, 1),
        // A name that this process has opened once is not opened again.
        open: (_path, content) => (known === undefined && this.#isFrom(1, 6) ? reasonAfter(content) : undefined),
      },
    );
    const content = known?.content ?? this.#read(type, so);
    this.#plugins[type].set(name, { version: nameOf(so).version, so, content, order: JSON.stringify(order) });
    if (functions !== undefined) this.registered.set(name, functions);
  }

  /** It stays in the list, as deleted, until the next process. */
  async remove(type: PluginType, name: string): Promise<void> {
    const plugin = this.get(type, name);
    if (plugin === undefined) throw new Error(`invalid name ${name}: not exist`);
    await removeFiles(this.#base, type, name, plugin.so);
    this.#plugins[type].set(name, { version: DELETED, so: plugin.so, content: plugin.content });
    this.registered.delete(name);
  }

  #readFolder(type: PluginType): Map<string, Loaded> {
    const found = new Map<string, Loaded>();
    for (const so of readdirSync(join(this.#base, "plugins", type))) {
      const { name, version } = nameOf(so);
      if (name === "" || !so.endsWith(".so")) continue;
      const content = this.#read(type, so);
      if (this.#isFrom(1, 6) && reasonAfter(content) !== undefined) continue;
      found.set(name, { version, so, content });
    }
    return found;
  }

  #read(type: PluginType, so: string): string {
    return readFileSync(join(this.#base, "plugins", type, so), "latin1");
  }
}

/** What follows the mark in a .so, up to the end of its line. */
export function reasonAfter(content: string, mark = DOES_NOT_LOAD): string | undefined {
  const at = content.indexOf(mark);
  return at < 0 ? undefined : content.slice(at + mark.length).split(/[\n\0]/)[0];
}

/** `Random@v1.0.0.so` is random, 1.0.0. */
function nameOf(so: string): { readonly name: string; readonly version: string } {
  const [name = "", version = ""] = (so.split(".so")[0] ?? "").split("@");
  return { name: name.charAt(0).toLowerCase() + name.slice(1), version: version.replace(/^v/, "") };
}
