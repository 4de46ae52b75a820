import type { Log } from "../domain/log.ts";
import type { PluginId, PluginType } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import { dropTemporaries, replaceFile } from "./durable.ts";
import { formatRegistry, type RegistryContent, readRegistry } from "./registry-file.ts";

/** Sets an entry, or removes it where `entry` is null. */
export interface RegistryUpdate {
  readonly id: PluginId;
  readonly entry: PluginEntry | null;
}

interface Waiting {
  readonly updates: readonly RegistryUpdate[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The installed plugins: in memory for every reader, and in a file that is written before memory shows a change.
 * So what a client was ever told is on the disk.
 */
export class Registry {
  readonly #file: string;
  #content: RegistryContent;
  #names = new Map<PluginType, readonly string[]>();
  #waiting: Waiting[] = [];
  #writing = false;

  private constructor(file: string, content: RegistryContent) {
    this.#file = file;
    this.#content = content;
  }

  static async open(file: string, log: Log): Promise<Registry> {
    await dropTemporaries(file).catch((err) => log.warn({ err }, "leftovers of the registry could not be removed"));
    return new Registry(file, await readRegistry(file, log));
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

  get(id: PluginId): PluginEntry | undefined {
    return this.#content[id.type].get(id.name);
  }

  entries(type: PluginType): ReadonlyMap<string, PluginEntry> {
    return this.#content[type];
  }

  /**
   * Resolves when the updates are durable; rejects with the file system's error, and then nothing has changed.
   * Updates that arrive during a write share the next one.
   */
  update(...updates: RegistryUpdate[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ updates, resolve, reject });
      if (!this.#writing) void this.#writeWaiting();
    });
  }

  /**
   * Takes over what the folders say. Memory shows it at once: unlike an order of a client's it is true whether or not
   * the file can be written now.
   */
  async adopt(updates: readonly RegistryUpdate[], log: Log): Promise<void> {
    this.#show(withUpdates(this.#content, updates));
    await this.update().catch((err) =>
      log.error({ err }, "the registry could not be written; the next change tries again"),
    );
  }

  #show(content: RegistryContent): void {
    this.#content = content;
    this.#names.clear();
  }

  async #writeWaiting(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      const updates = batch.flatMap((waiting) => waiting.updates);
      try {
        await replaceFile(this.#file, formatRegistry(withUpdates(this.#content, updates)));
        // Not what was just written: `adopt` may have changed memory meanwhile, and its own write follows.
        this.#show(withUpdates(this.#content, updates));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // The replacement may have failed after its rename; recovery must not find in the file what is undone now.
        await replaceFile(this.#file, formatRegistry(this.#content)).catch(() => {});
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
  };
  for (const { id, entry } of updates) {
    if (entry === null) next[id.type].delete(id.name);
    else next[id.type].set(id.name, entry);
  }
  return next;
}
