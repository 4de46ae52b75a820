import type { FilePath } from "./file-path.ts";

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
