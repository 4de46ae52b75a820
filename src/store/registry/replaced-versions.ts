import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { isFilePath, isOwnFile, type PluginId, parsePluginKey } from "../../domain/plugin.ts";
import type { KeptVersion, ReplacedVersion } from "../../domain/plugin-entry.ts";
import type { Log } from "../../lib/log.ts";
import { isObject } from "../../lib/objects.ts";
import { isSha256 } from "../versions/content.ts";
import { DisplacedSchema, KeptVersionSchema } from "./registry-schema.ts";

const ReplacedSchema = Type.Object({
  version: KeptVersionSchema,
  of: Type.String(),
  replacedAt: Type.String(),
  removedAt: Type.Optional(Type.String()),
  versions: Type.Optional(Type.Array(KeptVersionSchema)),
  edited: Type.Optional(Type.Array(DisplacedSchema)),
});

/**
 * The replaced versions in a registry, by the keys of their plugins. What is there by mistake is left out: without it a
 * restart of the engine can't be undone, and nothing else is lost.
 */
export function readReplaced(value: unknown, log: Log): Map<string, ReplacedVersion> {
  const found = new Map<string, ReplacedVersion>();
  for (const [key, replaced] of Object.entries(isObject(value) ? value : {})) {
    const id = parsePluginKey(key);
    if (id !== undefined && Value.Check(ReplacedSchema, replaced) && areItsFiles(id, replaced)) {
      found.set(key, replaced as ReplacedVersion);
    } else {
      log.warn({ plugin: key }, "what the registry has of a replaced version can't be used: ignored");
    }
  }
  return found;
}

/** Their paths and sha256 become paths of files that an undo writes. */
function areItsFiles(id: PluginId, { version, versions = [], edited = [] }: Static<typeof ReplacedSchema>): boolean {
  const isIts = (path: string | undefined) => path === undefined || (isFilePath(path) && isOwnFile(id, path));
  return (
    [version, ...versions].every(({ files }) =>
      files.every(
        ({ path, sha256, defaultOf }) => isIts(path) && isIts(defaultOf) && (sha256 === undefined || isSha256(sha256)),
      ),
    ) && edited.every(({ path, backup }) => isIts(path) && isIts(backup))
  );
}

/** The same as entries have them, for those who look for kept files. */
export function keptVersionsOf({ version, versions = [] }: ReplacedVersion): readonly KeptVersion[] {
  return [version, ...versions];
}
