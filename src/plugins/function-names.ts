import { PluginError } from "../domain/errors.ts";
import { isFunctionName, symbolOf } from "../domain/names.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import { printable } from "../lib/text.ts";

/** Where a function of the engine's SQL comes from. */
export interface FunctionDescription {
  readonly name: string;
  readonly plugin: string;
}

/** The function plugins that are installed, by name. */
export type FunctionPlugins = () => ReadonlyMap<string, Pick<PluginVersion, "functions">>;

/**
 * The functions of all function plugins. Their names are unique, since the engine knows them without their plugins; one
 * for which nothing was registered has the function of its own name.
 */
export class FunctionNames {
  readonly #plugins: FunctionPlugins;
  /** Names of changes that are under way, and the plugin that they are for. */
  readonly #claimed = new Map<string, string>();

  constructor(plugins: FunctionPlugins) {
    this.#plugins = plugins;
  }

  /** In alphabetical order. */
  list(): string[] {
    return [...this.#owners().keys()].sort();
  }

  /** @throws PluginError PLUGIN_NOT_FOUND */
  describe(name: string): FunctionDescription {
    const plugin = this.#owners().get(name);
    if (plugin === undefined) throw new PluginError("PLUGIN_NOT_FOUND", "not found");
    return { name, plugin };
  }

  /**
   * Reserves functions for a change that gives them to a plugin: until it is disposed, no other plugin gets one of them.
   *
   * @throws PluginError FUNCTION_NAME_TAKEN
   */
  claim(id: PluginId, functions: readonly string[]): Disposable {
    const names = id.type === "functions" ? functionsOf(id.name, { functions }) : [];
    const owners = names.length > 0 ? this.#owners() : new Map<string, string>();
    for (const name of names) {
      const owner = owners.get(name) ?? this.#claimed.get(name);
      if (owner !== undefined && owner !== id.name) throw taken(name, owner);
    }
    for (const name of names) this.#claimed.set(name, id.name);
    return {
      [Symbol.dispose]: () => {
        for (const name of names) this.#claimed.delete(name);
      },
    };
  }

  /** Of two plugins with the same function, which only copying in by hand can bring about, the first one has it. */
  #owners(): Map<string, string> {
    const owners = new Map<string, string>();
    const plugins = [...this.#plugins()].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [plugin, entry] of plugins) {
      for (const name of functionsOf(plugin, entry)) if (!owners.has(name)) owners.set(name, plugin);
    }
    return owners;
  }
}

/** The functions of a plugin: what was registered, else the one of its own name. */
export function functionsOf(plugin: string, { functions = [] }: Pick<PluginVersion, "functions">): readonly string[] {
  return functions.length > 0 ? functions : [plugin];
}

/** What the .so must export so that the engine finds what it looks for. */
export function symbolsWanted({ type, name }: PluginId, version: Pick<PluginVersion, "functions">): string[] {
  return (type === "functions" ? functionsOf(name, version) : [name]).map(symbolOf);
}

/** What a function plugin exports and nobody can call, because it is not registered though it can be. */
export function unregisteredFunctions({ name }: PluginId, version: Pick<PluginVersion, "functions" | "exports">) {
  const registered = new Set(functionsOf(name, version));
  return (version.exports ?? []).filter((exported) => !registered.has(exported) && isFunctionName(exported));
}

function taken(name: string, owner: string): PluginError {
  return new PluginError(
    "FUNCTION_NAME_TAKEN",
    `function name ${printable(name)} already exists (in plugin ${owner}); the names are unique across all plugins`,
  );
}
