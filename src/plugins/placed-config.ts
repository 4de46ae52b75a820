import { isUtf8 } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import type { Config } from "../config/schema.ts";
import type { Compatibility } from "../domain/compatibility.ts";
import { jsonPath, type PluginId, yamlPath } from "../domain/plugin.ts";
import type { PluginVersion } from "../domain/plugin-entry.ts";
import type { Log } from "../lib/log.ts";
import { isObject } from "../lib/objects.ts";
import { quoted } from "../lib/text.ts";
import type { UnpackedFile } from "../package/unpack.ts";

/** Larger files are not parsed, since requests would wait meanwhile; no configuration of a plugin is that large. */
type CheckLimits = Pick<Config["pluginPackage"], "maxCheckedJsonBytes" | "maxCheckedYamlBytes">;

interface PlacedConfig {
  readonly files: readonly UnpackedFile[];
  /** What is left out, and why. */
  readonly unplaced: readonly string[];
}

/**
 * Leaves out a `N.json` that is no JSON and a `N.yaml` that is no YAML: the engine stops reading the metadata of other
 * plugins at the first one.
 *
 * @throws the file system's error
 */
export async function leaveOutInvalidConfig(
  id: PluginId,
  unpacked: readonly UnpackedFile[],
  { limits, log }: { readonly limits: CheckLimits; readonly log: Log },
): Promise<PlacedConfig> {
  const files: UnpackedFile[] = [];
  const unplaced: string[] = [];
  for (const file of unpacked) {
    const objection = await objectionTo(id, file, limits, log);
    if (objection === undefined) {
      files.push(file);
      continue;
    }
    const message = `${file.target} is not put into place: ${objection}; correct it in the zip and update the plugin`;
    log.warn({ plugin: id, file: file.target, reason: objection }, "invalid configuration is not put into place");
    unplaced.push(message);
  }
  return { files, unplaced };
}

/** The verdict, which stays, with a problem for each file that was left out. */
export function withUnplaced<T extends Compatibility | undefined>(
  compatibility: T,
  { unplaced = [] }: Pick<PluginVersion, "unplaced">,
): T {
  if (compatibility === undefined || unplaced.length === 0) return compatibility;
  const problems = unplaced.map((message) => ({ code: "CONFIG_INVALID", message }));
  return { ...compatibility, problems: [...compatibility.problems, ...problems] };
}

async function objectionTo(
  id: PluginId,
  { target, path }: UnpackedFile,
  { maxCheckedJsonBytes, maxCheckedYamlBytes }: CheckLimits,
  log: Log,
): Promise<string | undefined> {
  const isJson = target === jsonPath(id);
  if (!isJson && target !== yamlPath(id)) return undefined;
  const { size } = await stat(path); // install.sh may have changed it since it was unpacked
  const limit = isJson ? maxCheckedJsonBytes : maxCheckedYamlBytes;
  if (size > limit) {
    const setting = `pluginPackage.${isJson ? "maxCheckedJsonBytes" : "maxCheckedYamlBytes"}`;
    log.warn(
      { plugin: id, file: target, bytes: size, limit },
      `configuration is put into place unchecked (${setting})`,
    );
    return undefined;
  }
  const bytes = await readFile(path);
  return isJson ? jsonObjection(bytes) : yamlObjection(bytes);
}

function jsonObjection(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return "it is empty, and no JSON";
  try {
    return isObject(JSON.parse(bytes.toString("utf8"))) ? undefined : "it is JSON, but no object";
  } catch (error) {
    return `it is no JSON (${quoted((error as Error).message)})`;
  }
}

async function yamlObjection(bytes: Buffer): Promise<string | undefined> {
  if (!isUtf8(bytes)) return "it is no UTF-8, and so no YAML";
  const { DeepYaml, parseYaml } = await import("../lib/yaml.ts");
  try {
    // As lenient as engines: of a key that is there twice, their older versions take the last.
    const documents = parseYaml(bytes.toString("utf8"), { uniqueKeys: false, strict: false, logLevel: "error" });
    const [error] = documents.flatMap(({ errors }) => errors);
    return error && `it is no YAML (${quoted(error.message.split("\n", 1)[0] ?? "")})`;
  } catch (error) {
    if (error instanceof DeepYaml) return `it ${error.message}`;
    throw error;
  }
}
