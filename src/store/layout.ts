import { join } from "node:path";
import type { FilePath, PluginType, Volume } from "../domain/plugin.ts";

/** The one place that knows where things are below the base folder. */
export class Layout {
  readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  get configFile(): string {
    return join(this.base, "etc", "kuiper.yaml");
  }

  get registryFile(): string {
    return join(this.base, "plugins", "registry.json");
  }

  /** Public keys of the issuers of tokens. */
  get keysFolder(): string {
    return join(this.base, "etc", "mgmt");
  }

  /** Public keys of the signers whose plugins are trusted. */
  get trustFolder(): string {
    return join(this.base, "etc", "trust");
  }

  /** Zips that clients send, until they are installed: on the volume where that is done. */
  get incomingFolder(): string {
    return join(this.base, "plugins", ".incoming");
  }

  /** What is known of the engine in front of which this server stands, over a restart of this server. */
  get engineFolder(): string {
    return join(this.base, "plugins", ".engine");
  }

  /** The plugins with which the engine's process started. */
  get baselineFile(): string {
    return join(this.engineFolder, "baseline.json");
  }

  /** A folder for each hand-over to the engine: what it needs to be put back. */
  get handoversFolder(): string {
    return join(this.engineFolder, "handovers");
  }

  /** A checked zip that the engine is given, until it has answered. `id` is that of a workspace. */
  handedZip(id: string): string {
    return join(this.engineFolder, `${id}.zip`);
  }

  /** Held by the server that works on the volume. */
  lockFile(volume: Volume): string {
    return join(this.volume(volume), ".lock");
  }

  volume(volume: Volume): string {
    return join(this.base, volume);
  }

  /** Where the engine looks for the .so files of a type. */
  soFolder(type: PluginType): string {
    return join(this.base, "plugins", type);
  }

  etcFolder(type: PluginType): string {
    return join(this.base, "etc", type);
  }

  /**
   * Work in progress of a volume, a folder for each change. Hidden, because the engine reads the folders beside it,
   * and on the same volume as the files' targets, because only then is a rename atomic.
   */
  changesFolder(volume: Volume): string {
    return join(this.base, volume, ".changes");
  }

  /** Files of earlier versions, on the volume where they were installed, so that a hard link does instead of a copy. */
  versionsFolder(volume: Volume): string {
    return join(this.base, volume, ".versions");
  }

  /** The kept file with that content. `sha256` has been checked, see `isSha256`. */
  keptFile(volume: Volume, sha256: string): string {
    return join(this.versionsFolder(volume), sha256);
  }

  /** The absolute path of a file. `file` is relative and has been checked, see `isFilePath`. */
  absolute(file: FilePath): string {
    return join(this.base, file);
  }
}
