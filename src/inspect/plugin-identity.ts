import { type PluginIdentity, toIdentity } from "../domain/plugin-identity.ts";
import type { EngineFacts } from "./engine-facts.ts";
import { importPath } from "./go/symbol-name.ts";
import type { PluginReading } from "./plugin-facts.ts";

/**
 * What other plugins are compared with. Packages that the engine has are left out, since plugins that are like the
 * engine there are like each other; and the plugin's own, which nobody else has.
 *
 * @returns undefined when it is no Go plugin, or one for another CPU, which no engine comes to compare
 */
export function identityOf(
  { kind, path, symbols, facts }: PluginReading,
  engine: EngineFacts | string,
): PluginIdentity | undefined {
  if (kind !== "plugin" || symbols === undefined) return undefined;
  const isKnown = typeof engine !== "string";
  if (isKnown && engine.cpu !== facts.cpu) return undefined;
  const ofEngine = isKnown ? engine.symbols?.hashes : undefined;
  const others = [...symbols.hashes].filter(([name]) => !ofEngine?.has(name) && importPath(name) !== path);
  return toIdentity(path, new Map(others.map(([name, hash]) => [importPath(name), hash])));
}
