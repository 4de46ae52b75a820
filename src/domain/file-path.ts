import type { PluginId, PluginType } from "./plugin.ts";

/** The two folders that the server fills. They can be two file systems: in the original's image they are two volumes. */
export const VOLUMES = ["plugins", "etc"] as const;
export type Volume = (typeof VOLUMES)[number];

/**
 * A file below the base folder, with forward slashes, beginning with the volume it lives on:
 * `plugins/sources/Random@v1.0.0.so`, `etc/sources/random.yaml`.
 */
export type FilePath = `plugins/${string}` | `etc/${string}`;

export function volumeOf(file: FilePath): Volume {
  return file.startsWith("plugins/") ? "plugins" : "etc";
}

export function soPath(type: PluginType, fileName: string): FilePath {
  return `plugins/${type}/${fileName}`;
}

/** The configuration of a source, which the engine reads and users edit. */
export function yamlPath(id: PluginId): FilePath {
  return `etc/${id.type}/${id.name}.yaml`;
}

/** The metadata that dashboards build their forms from. */
export function jsonPath(id: PluginId): FilePath {
  return `etc/${id.type}/${id.name}.json`;
}

/** Further configuration: what a zip has below `etc/`. */
export function extraPath(id: PluginId, relative: string): FilePath {
  return `etc/${id.type}/${id.name}/${relative}`;
}

/** One expression, since tens of thousands of paths are checked on startup. */
const FILE_PATH = /^(?:plugins|etc)\/(?:sources|sinks|functions)(?:\/(?!\.{0,2}(?:\/|$))[^/\0\\]+)+$/;

/**
 * Whether a string read from a file is a path that this server could have written: below a type's folder of one of the
 * volumes, without segments that lead elsewhere.
 */
export function isFilePath(path: string): path is FilePath {
  return FILE_PATH.test(path);
}
