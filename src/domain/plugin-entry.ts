import type { Compatibility, FunctionLookup, LinkIdentity } from "./compatibility.ts";
import type { FilePath } from "./plugin.ts";

export interface InstalledFile {
  readonly path: FilePath;
  /** Absent for a file that was there before this server and was adopted. */
  readonly sha256?: string;
  readonly bytes?: number;
  /** For the `.new` beside a file that a user edited: that file, whose default this is. */
  readonly defaultOf?: FilePath;
}

/** A file that was there before the plugin, under the name of one of its own: it comes back when the plugin goes. */
export interface DisplacedFile {
  readonly path: FilePath;
  /** Its present name. */
  readonly backup: FilePath;
  /** An edited backup is its user's, and stays where it is. */
  readonly sha256: string;
}

/** What was proven of a zip before it was unpacked. */
export interface Verified {
  /** The sha256 that the client named was that of the zip. */
  readonly sha256?: true;
  /** The public key in `etc/trust` that its signature was made with, and the kind of signature. */
  readonly signature?: {
    readonly key: string;
    readonly algorithm: string;
    /** SHA-256 (hex) of the key as DER (SPKI). */
    readonly fingerprint: string;
  };
  /** Which plugin that key's owner stated the zip to be; absent where the bytes alone were signed. */
  readonly statement?: {
    readonly type: string;
    readonly name: string;
    readonly version?: string;
  };
}

/** The verdict on an installed plugin by itself; conflicts with other plugins are found when it is read. */
export interface KnownCompatibility extends Compatibility {
  /** Identifies the .so, the engine's binary and the system's libraries: the verdict is stale when one changed. */
  readonly basis: string;
  /** For comparing it with other plugins; absent for a .so of which the engine would compare nothing. */
  readonly identity?: LinkIdentity;
  /** Of the engine, for a function plugin; absent when unknown. */
  readonly functionLookup?: FunctionLookup;
}

/** One version of a plugin: the one that is installed, or one that is kept for a rollback. */
export interface PluginVersion {
  /** As users see it: without the leading `v`, empty when the .so's name has none. */
  readonly version: string;
  /** The file that the engine loads: a name in `plugins/<type>`. */
  readonly soFile: string;
  readonly files: readonly InstalledFile[];
  /** Configuration of the zip that is no JSON or YAML and was not put into place: a message for each file. */
  readonly unplaced?: readonly string[];
  /** The functions that are registered for a function plugin. */
  readonly functions?: readonly string[];
  /** What its .so exports, as names of functions, for a function plugin that could be inspected. */
  readonly exports?: readonly string[];
  /** Where it was downloaded from, without credentials. */
  readonly origin?: string;
  /** Of the zip. */
  readonly sha256?: string;
  readonly bytes?: number;
  readonly verified?: Verified;
  /** ISO 8601, UTC. */
  readonly installedAt?: string;
  /** The sha256 of what its install.sh printed, by which that is kept. Absent where it printed nothing. */
  readonly installLog?: string;
}

/** A version that an update or a rollback replaced. Its files are kept by their sha256. */
export interface KeptVersion extends PluginVersion {
  /** Names it: the same for the same files. */
  readonly id: string;
  /** Why a restart of the engine that was meant to prove it undid it. */
  readonly undone?: string;
}

/**
 * The version that the engine's process may still run after it was replaced or deleted here. It is kept whatever
 * `versions.keep` says, until a restart of the engine has proven what came after it.
 */
export interface ReplacedVersion {
  readonly version: KeptVersion;
  /** The id of the entry that it was. Its own differs where a file could not be kept as it was installed. */
  readonly of: string;
  /** When the first change since took its place: ISO 8601, UTC. */
  readonly replacedAt: string;
  /** When the plugin was deleted: ISO 8601, UTC. Absent while another version is in its place. */
  readonly removedAt?: string;
  /** For a deleted plugin: the versions before it, the latest first. */
  readonly versions?: readonly KeptVersion[];
  /** For a deleted plugin: configuration that its user had edited, under its present name. */
  readonly edited?: readonly DisplacedFile[];
}

/** What is known of an installed plugin. The optional fields are absent for one that was copied in by hand. */
export interface PluginEntry extends PluginVersion {
  readonly compatibility?: KnownCompatibility;
  /** The versions before this one, the latest first. */
  readonly versions?: readonly KeptVersion[];
  readonly displaced?: readonly DisplacedFile[];
  /** The change that wrote this entry; recovery compares it with the journal. */
  readonly change?: string;
  /** When that change put these files into place: ISO 8601, UTC. A rollback keeps `installedAt`. */
  readonly changedAt?: string;
}
