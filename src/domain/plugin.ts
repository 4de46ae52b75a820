/** The kinds of plugin, in the order in which they are reported. They are path segments of the API and folder names. */
export const PLUGIN_TYPES = ["sources", "sinks", "functions"] as const;

export type PluginType = (typeof PLUGIN_TYPES)[number];

/** What identifies a plugin: names are unique within a type. */
export interface PluginId {
  readonly type: PluginType;
  readonly name: string;
}

/** A checked order to install: the name follows the name rule, the URI is a zip over http, https or file. */
export interface InstallRequest {
  readonly id: PluginId;
  readonly uri: PluginUri;
  /** Arguments of install.sh, each passed as one argument. */
  readonly shellParas: readonly string[];
  /** Names of the functions that a function plugin exports; empty for the other types. */
  readonly functions: readonly string[];
}

/** Where a plugin's zip is. */
export interface PluginUri {
  /** With credentials: for the download alone. */
  readonly url: URL;
  /** Without credentials: for replies, logs and the registry. */
  readonly shown: string;
}

/**
 * A file below the base folder, with forward slashes, beginning with the volume it lives on:
 * `plugins/sources/Random@v1.0.0.so`, `etc/sources/random.yaml`.
 */
export type FilePath = `plugins/${string}` | `etc/${string}`;

export interface InstalledFile {
  readonly path: FilePath;
  /** Absent for a file that was there before this server and was adopted. */
  readonly sha256?: string;
  readonly bytes?: number;
}

/** What is known of an installed plugin. The optional fields are absent for one that was copied in by hand. */
export interface PluginEntry {
  /** As users see it: without the leading `v`, empty when the .so's name has none. */
  readonly version: string;
  /** The file that the engine loads: a name in `plugins/<type>`. */
  readonly soFile: string;
  readonly files: readonly InstalledFile[];
  readonly functions?: readonly string[];
  /** Where it was downloaded from, without credentials. */
  readonly origin?: string;
  /** Of the downloaded zip. */
  readonly sha256?: string;
  readonly bytes?: number;
  /** ISO 8601, UTC. */
  readonly installedAt?: string;
  /** The change that wrote this entry; recovery compares it with the journal. */
  readonly change?: string;
}

/** `sources/random`: the key under which changes to one plugin are put in order, and its name in logs. */
export function pluginKey(id: PluginId): string {
  return `${id.type}/${id.name}`;
}
