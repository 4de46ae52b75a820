import { join, resolve } from "node:path";
import type { FilePath, PluginType, Volume } from "../domain/plugin.ts";

/** Where the engine's folders are, if not below the base folder; empty means there. Relative paths start at it. */
export interface Folders {
  readonly etc?: string;
  readonly plugins?: string;
  readonly data?: string;
}

/** The one place that knows where things are: below the base folder, or in folders of their own. */
export class Layout {
  readonly base: string;
  readonly #folders: Readonly<Record<Volume | "data", string>>;

  constructor(base: string, { etc = "", plugins = "", data = "" }: Folders = {}) {
    this.base = base;
    this.#folders = {
      etc: resolve(base, etc || "etc"),
      plugins: resolve(base, plugins || "plugins"),
      data: resolve(base, data || "data"),
    };
  }

  /** Below the base folder wherever the engine's own is: it says where that is, and the engine's is for the engine. */
  get configFile(): string {
    return join(this.base, "etc", "kuiper.yaml");
  }

  /** @param configured `uploads.folder`: a relative path starts at the base folder, and `data/` at the data folder */
  uploadsFolder(configured: string): string {
    if (configured.startsWith("data/")) return join(this.#folders.data, configured.slice("data/".length));
    return resolve(this.base, configured);
  }

  get registryFile(): string {
    return join(this.#folders.plugins, "registry.json");
  }

  /** Public keys of the issuers of tokens. */
  get keysFolder(): string {
    return join(this.#folders.etc, "mgmt");
  }

  /** Public keys of the signers whose plugins are trusted. */
  get trustFolder(): string {
    return join(this.#folders.etc, "trust");
  }

  /** Zips that clients send, until they are installed: on the volume where that is done. */
  get incomingFolder(): string {
    return join(this.#folders.plugins, ".incoming");
  }

  /** The jobs of this server and of those before it, and what their install.sh printed. */
  get jobsFolder(): string {
    return join(this.#folders.plugins, ".jobs");
  }

  /** What is known of the engine in front of which this server stands, over a restart of this server. */
  get engineFolder(): string {
    return join(this.#folders.plugins, ".engine");
  }

  /** The plugins with which the engine's process started. */
  get baselineFile(): string {
    return join(this.engineFolder, "baseline.json");
  }

  /** The restart of the engine that is in progress. */
  get restartFile(): string {
    return join(this.engineFolder, "restart.json");
  }

  /** A folder for each hand-over to the engine: what it needs to be put back. */
  get handoversFolder(): string {
    return join(this.engineFolder, "handovers");
  }

  /** Held by the server that works on the volume. */
  lockFile(volume: Volume): string {
    return join(this.volume(volume), ".lock");
  }

  volume(volume: Volume): string {
    return this.#folders[volume];
  }

  /** Where the engine looks for the .so files of a type. */
  soFolder(type: PluginType): string {
    return join(this.#folders.plugins, type);
  }

  /** Of the engine's portable plugins, which are its own; it fails where the folder is missing. */
  get portableFolder(): string {
    return join(this.#folders.plugins, "portable");
  }

  etcFolder(type: PluginType): string {
    return join(this.#folders.etc, type);
  }

  /**
   * Work in progress of a volume, a folder for each change. Hidden, because the engine reads the folders beside it,
   * and on the same volume as the files' targets, because only then is a rename atomic.
   */
  changesFolder(volume: Volume): string {
    return join(this.#folders[volume], ".changes");
  }

  /** Files of earlier versions, on the volume where they were installed, so that a hard link does instead of a copy. */
  versionsFolder(volume: Volume): string {
    return join(this.#folders[volume], ".versions");
  }

  /** The kept file with that content. `sha256` has been checked, see `isSha256`. */
  keptFile(volume: Volume, sha256: string): string {
    return join(this.versionsFolder(volume), sha256);
  }

  /** The absolute path of a file, or of a volume. `file` is relative and has been checked, see `isFilePath`. */
  absolute(file: FilePath | Volume): string {
    const cut = file.indexOf("/");
    if (cut === -1) return this.#folders[file as Volume];
    return join(this.#folders[file.slice(0, cut) as Volume], file.slice(cut + 1));
  }
}
