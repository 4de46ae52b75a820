/** The kinds of plugin, in the order in which they are reported. They are path segments of the API and folder names. */
export const PLUGIN_TYPES = ["sources", "sinks", "functions"] as const;

export type PluginType = (typeof PLUGIN_TYPES)[number];

/** What identifies a plugin: names are unique within a type. */
export interface PluginId {
  readonly type: PluginType;
  readonly name: string;
}

/** What a package can be: a plugin of this server's, or a portable one, which the engine manages itself. */
export const PACKAGE_TYPES = [...PLUGIN_TYPES, "portables"] as const;

export type PackageType = (typeof PACKAGE_TYPES)[number];

/** What identifies a package. */
export interface PackageId {
  readonly type: PackageType;
  readonly name: string;
}

/** `sources/random`: the key under which changes to one plugin are put in order, and its name in logs. */
export function pluginKey(id: PackageId): string {
  return `${id.type}/${id.name}`;
}

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

/** After the name of a configuration file: what this server puts beside one that a user has edited. */
const BESIDE = /^(?:\.(?:new|bak)(?:\.\d+)?)*$/;

/**
 * Whether a file can be one of that plugin: where an install puts its files (`soPath`, `yamlPath`, `jsonPath`,
 * `extraPath`), with its name, or beside one of these. No two plugins of a type can have the same.
 */
export function isOwnFile(id: PluginId, path: FilePath): boolean {
  const { type, name } = id;
  if (name === "" || name.includes("/")) return false;
  const so = soPath(type, "");
  if (path.startsWith(so)) return isSoFileOf(path.slice(so.length), name); // one with a / has another name, or none
  if (path.startsWith(extraPath(id, ""))) return true;
  return [yamlPath(id), jsonPath(id)].some((own) => path.startsWith(own) && BESIDE.test(path.slice(own.length)));
}

const SO_SUFFIX = ".so";

/** What the file name of a plugin's .so says: `Random@v1.0.0.so` is version `1.0.0` of `random`. */
export interface SoFile {
  readonly fileName: string;
  /** The part before `@`, with its first letter in lower case. */
  readonly name: string;
  /** The part between the first `@` and `.so`, without one leading `v`; empty when there is none. */
  readonly version: string;
}

/** Reads a file name as the engine does, or returns undefined when it does not end in `.so`. */
export function parseSoFileName(fileName: string): SoFile | undefined {
  if (!fileName.endsWith(SO_SUFFIX)) return undefined;
  const stem = fileName.slice(0, -SO_SUFFIX.length);
  const at = stem.indexOf("@");
  const exported = at === -1 ? stem : stem.slice(0, at);
  if (exported === "") return undefined;
  const tag = at === -1 ? "" : stem.slice(at + 1);
  return {
    fileName,
    name: exported.charAt(0).toLowerCase() + exported.slice(1),
    version: tag.startsWith("v") ? tag.slice(1) : tag,
  };
}

/**
 * Whether the engine finds the file again: it cuts the name at the first `.so` and at each `@`, remembers what is before
 * the first `@` and up to the second, and looks for `<name>.so` or `<name>@<version>.so`.
 */
export function isFoundByEngine(fileName: string): boolean {
  const [stem = ""] = fileName.split(SO_SUFFIX, 1);
  const [name = "", version = ""] = stem.split("@", 2);
  return fileName === (version === "" ? `${name}${SO_SUFFIX}` : `${name}@${version}${SO_SUFFIX}`);
}

/** Whether `fileName` is a .so of the plugin `name`: `random.so`, `Random.so`, either with `@version`. */
export function isSoFileOf(fileName: string, name: string): boolean {
  return parseSoFileName(fileName)?.name === name;
}
