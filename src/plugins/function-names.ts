import { PluginError } from "../domain/errors.ts";
import { isFunctionName, symbolOf } from "../domain/names.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import { quoted } from "../lib/text.ts";

/** A function of the engine's SQL and the plugin that it comes from. */
export interface FunctionDescription {
  readonly name: string;
  readonly plugin: string;
}

/** The installed function plugins by name. */
type FunctionPlugins = () => ReadonlyMap<string, Pick<PluginVersion, "functions">>;

/**
 * The functions of all function plugins. Their names are unique, since the engine finds them without naming the plugin.
 * A plugin for which none are registered has the function of its own name.
 */
export class FunctionNames {
  readonly #plugins: FunctionPlugins;
  /** The function names of changes in progress, and the plugin that each is for. */
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

  /** Of two plugins with the same function, which only a plugin copied in by hand can lead to, the first one has it. */
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

/** The names by which the engine looks the plugin up. */
export function lookedUpNames({ type, name }: PluginId, version: Pick<PluginVersion, "functions">): readonly string[] {
  return type === "functions" ? functionsOf(name, version) : [name];
}

/** What the .so must export so that the engine finds what it looks up. */
export function requiredSymbols(id: PluginId, version: Pick<PluginVersion, "functions">): string[] {
  return lookedUpNames(id, version).map(symbolOf);
}

/** The functions that a plugin exports and nobody can call, since they are not registered although they can be. */
export function unregisteredFunctions({ name }: PluginId, version: Pick<PluginVersion, "functions" | "exports">) {
  const registered = new Set(functionsOf(name, version));
  return (version.exports ?? []).filter((exported) => !registered.has(exported) && isFunctionName(exported));
}

function taken(name: string, owner: string): PluginError {
  return new PluginError(
    "FUNCTION_NAME_TAKEN",
    `function name ${quoted(name)} already exists (in plugin ${owner}); the names are unique across all plugins`,
  );
}
