import { PluginError } from "../../domain/errors.ts";
import { PLUGIN_TYPES, type PluginId, type PluginType, pluginKey } from "../../domain/plugin.ts";
import type { PluginEntry, ReplacedVersion } from "../../domain/plugin-entry.ts";
import { dropTemporaries, replaceFile } from "../../lib/durable.ts";
import type { Log } from "../../lib/log.ts";
import {
  formatRegistry,
  MAX_REGISTRY_BYTES,
  type ReadRegistry,
  type RegistryContent,
  readRegistry,
} from "./registry-file.ts";

/** Sets an entry, or removes it where `entry` is null; the same for the plugin's replaced version. */
export interface RegistryUpdate {
  readonly id: PluginId;
  /** Absent leaves it as it is. */
  readonly entry?: PluginEntry | null;
  /** Absent leaves it as it is. */
  readonly replaced?: ReplacedVersion | null;
  /** If given, the update is skipped unless this is still the entry. */
  readonly from?: PluginEntry;
  /** The same for the replaced version. */
  readonly fromReplaced?: ReplacedVersion;
}

interface Waiting {
  readonly updates: readonly RegistryUpdate[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The installed plugins: in memory for every reader, and in a file that is written before a change shows in memory, so
 * that every answer to a client is already on the disk.
 */
export class Registry {
  /** Whether no unusable registry was moved aside that may refer to further files. */
  readonly isOnlyOne: boolean;
  readonly #file: string;
  readonly #maxBytes: number;
  #content: RegistryContent;
  #names = new Map<PluginType, readonly string[]>();
  #waiting: Waiting[] = [];
  #writing = false;

  private constructor(file: string, maxBytes: number, { content, isOnlyOne }: ReadRegistry) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#content = content;
    this.isOnlyOne = isOnlyOne;
  }

  static async open(file: string, log: Log, maxBytes = MAX_REGISTRY_BYTES): Promise<Registry> {
    await dropTemporaries(file).catch((err) => log.warn({ err }, "leftovers of the registry could not be removed"));
    return new Registry(file, maxBytes, await readRegistry(file, maxBytes, log));
  }

  /** Every entry of every type. */
  *all(): Iterable<PluginEntry> {
    for (const type of PLUGIN_TYPES) yield* this.#content[type].values();
  }

  /** Names in alphabetical order: the same array until a plugin of that type changes. */
  names(type: PluginType): readonly string[] {
    let names = this.#names.get(type);
    if (names === undefined) {
      names = Object.freeze([...this.#content[type].keys()].sort());
      this.#names.set(type, names);
    }
    return names;
  }

  /** The versions that the engine may still run, by the keys of their plugins. */
  get replaced(): ReadonlyMap<string, ReplacedVersion> {
    return this.#content.replaced;
  }

  get(id: PluginId): PluginEntry | undefined {
    return this.#content[id.type].get(id.name);
  }

  entries(type: PluginType): ReadonlyMap<string, PluginEntry> {
    return this.#content[type];
  }

  /**
   * Resolves when the updates are durable; rejects with the file system's error, or STORAGE_FAILED where the file would
   * be too large to be read again, and then nothing has changed.
   * Updates that arrive during a write share the next one.
   */
  update(...updates: RegistryUpdate[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ updates, resolve, reject });
      if (!this.#writing) void this.#writeWaiting();
    });
  }

  /**
   * Takes over what was found in the folders. It shows in memory at once: unlike a client's request it is true whether
   * or not the file can be written. Never throws.
   */
  async adopt(updates: readonly RegistryUpdate[], log: Log): Promise<void> {
    this.#publish(withUpdates(this.#content, updates));
    await this.update().catch((err) =>
      log.error({ err }, "the registry could not be written; the next change tries again"),
    );
  }

  #publish(content: RegistryContent): void {
    this.#content = content;
    this.#names.clear();
  }

  async #write(content: RegistryContent): Promise<void> {
    const json = formatRegistry(content);
    if (json.length > this.#maxBytes || Buffer.byteLength(json) > this.#maxBytes) {
      const message = `plugins/registry.json would have more than ${this.#maxBytes} bytes`;
      throw new PluginError("STORAGE_FAILED", `${message}; delete plugins that are not needed and try again`);
    }
    await replaceFile(this.#file, json);
  }

  async #writeWaiting(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      const updates = batch.flatMap((waiting) => waiting.updates);
      try {
        await this.#write(withUpdates(this.#content, updates));
        // Applied again: `adopt` may have changed memory during the write, and its own write follows.
        this.#publish(withUpdates(this.#content, updates));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // It may have failed after the rename; a recovery must not find in the file what is undone now.
        await this.#write(this.#content).catch(() => {});
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }
}

function withUpdates(content: RegistryContent, updates: readonly RegistryUpdate[]): RegistryContent {
  const next = {
    sources: new Map(content.sources),
    sinks: new Map(content.sinks),
    functions: new Map(content.functions),
    replaced: new Map(content.replaced),
  };
  for (const { id, entry, replaced, from, fromReplaced } of updates) {
    if (from !== undefined && next[id.type].get(id.name) !== from) continue;
    if (fromReplaced !== undefined && next.replaced.get(pluginKey(id)) !== fromReplaced) continue;
    if (entry === null) next[id.type].delete(id.name);
    else if (entry !== undefined) next[id.type].set(id.name, entry);
    if (replaced === null) next.replaced.delete(pluginKey(id));
    else if (replaced !== undefined) next.replaced.set(pluginKey(id), replaced);
  }
  return next;
}
