import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { PLUGIN_TYPES, type PluginId, type PluginType, parsePluginKey, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry, ReplacedVersion } from "../domain/plugin-entry.ts";
import { makeFolder, replaceFile } from "../lib/durable.ts";
import { hasCode } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { readSmallFile } from "../lib/small-file.ts";
import type { Layout } from "../store/layout.ts";
import { versionId } from "../store/versions/version-list.ts";
import { type EngineAbout, isNewProcess } from "./running-engine.ts";

export const KnownSchema = Type.Object({
  version: Type.String(),
  /** See `versionId`. */
  id: Type.String(),
  /** The change that installed it; while it is the same, so is the version. */
  change: Type.Optional(Type.String()),
});

/** A version of a plugin that the engine's process has. */
export type KnownVersion = Readonly<Static<typeof KnownSchema>>;

const BaselineSchema = Type.Object({
  schema: Type.Literal(1),
  engine: Type.Object({ version: Type.String(), startedAt: Type.String() }),
  plugins: Type.Record(Type.String(), KnownSchema),
});

/** A change that the engine's process does not know of: it waits for a restart. */
export interface PendingChange {
  readonly type: PluginType;
  readonly name: string;
  readonly change: "install" | "update" | "delete";
  /** ISO 8601, UTC; absent where a plugin was changed by hand. */
  readonly since?: string;
  /** What the engine's process has; absent for an install. */
  readonly from?: KnownVersion;
  /** What is installed; absent for a delete. */
  readonly to?: KnownVersion;
}

/** What is installed, as the baseline compares it. */
export interface InstalledSet {
  entries(type: PluginType): ReadonlyMap<string, PluginEntry>;
  /** When a plugin that is gone was deleted (ISO 8601, UTC), if that is known. */
  removedAt(id: PluginId): string | undefined;
  /** What was there before the changes that an engine may not know of, by the keys of their plugins. */
  replaced?(): ReadonlyMap<string, ReplacedVersion>;
}

interface BaselineOptions {
  readonly layout: Pick<Layout, "engineFolder" | "baselineFile">;
  readonly installed: InstalledSet;
  readonly log: Log;
}

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * The plugins with which the engine's present process started, and those that it was handed since. What is installed and
 * differs from it waits for a restart of the engine. It is kept in a file, so a restart of this server changes nothing.
 */
export class Baseline {
  readonly #options: BaselineOptions;
  #engine: Pick<EngineAbout, "startedAt" | "version"> | undefined;
  #plugins: Map<string, KnownVersion>;
  #writing: Promise<void> = Promise.resolve();

  /** Told of the changes with which a new process of the engine started. */
  onNewProcess: (applied: readonly PendingChange[]) => void = () => {};

  private constructor(options: BaselineOptions, read: Static<typeof BaselineSchema> | undefined) {
    this.#options = options;
    this.#engine = read && { version: read.engine.version, startedAt: new Date(read.engine.startedAt) };
    this.#plugins = new Map(Object.entries(read?.plugins ?? {}));
  }

  /** One that can't be read counts as not there: the next answer of the engine makes a new one. */
  static async open(options: BaselineOptions): Promise<Baseline> {
    const { layout, log } = options;
    try {
      const parsed: unknown = JSON.parse((await readSmallFile(layout.baselineFile, MAX_FILE_BYTES)).toString("utf8"));
      if (Value.Check(BaselineSchema, parsed)) return new Baseline(options, parsed);
      throw new Error("it does not match the schema of this version");
    } catch (err) {
      if (!hasCode(err, "ENOENT")) log.warn({ err }, "what the engine started with can't be read; it is made anew");
      return new Baseline(options, undefined);
    }
  }

  /**
   * Compares an answer of the engine with the process that was seen last. A new process started with what was installed
   * at that time; what was changed after its start is as pending as before.
   *
   * @param isNew whether it is known to be a new process; by default that is told by its up time
   * @returns whether it is a new process
   */
  async observe(about: EngineAbout, isNew = false): Promise<boolean> {
    const before = this.#engine;
    if (before !== undefined && !isNew && !isNewProcess(before, about)) return false;
    const waiting = this.pending();
    this.#engine = about;
    const plugins = new Map<string, KnownVersion>();
    for (const [id, entry] of this.#installed()) {
      const key = pluginKey(id);
      // Up times are whole seconds: what changed in the second of the start counts as unknown to it.
      const known = isAfter(entry.changedAt, about.startedAt)
        ? (this.#plugins.get(key) ?? this.#replacedAfter(about.startedAt, key))
        : knownVersion(entry);
      if (known !== undefined) plugins.set(key, known);
    }
    for (const [key, known] of this.#plugins) {
      const id = parsePluginKey(key);
      if (id === undefined || this.#options.installed.entries(id.type).has(id.name)) continue;
      if (isAfter(this.#options.installed.removedAt(id), about.startedAt)) plugins.set(key, known);
    }
    for (const [key, { removedAt }] of this.#replaced) {
      const id = parsePluginKey(key);
      const known = removedAt === undefined ? undefined : this.#replacedAfter(about.startedAt, key);
      if (id === undefined || known === undefined || this.#options.installed.entries(id.type).has(id.name)) continue;
      if (!plugins.has(key)) plugins.set(key, known);
    }
    this.#plugins = plugins;
    const left = new Set(this.pending().map(pluginKey));
    this.onNewProcess(waiting.filter((change) => !left.has(pluginKey(change))));
    await this.#write();
    return true;
  }

  /** Whether the engine has ever answered. */
  get isKnown(): boolean {
    return this.#engine !== undefined;
  }

  /** Records that the engine's process has loaded what is installed now, without a restart. */
  async loaded(id: PluginId, entry: PluginEntry): Promise<void> {
    this.#plugins.set(pluginKey(id), knownVersion(entry));
    await this.#write();
  }

  /** What the engine's process has of a plugin; undefined where it has none, or none is known. */
  knownOf(id: PluginId): KnownVersion | undefined {
    return this.#plugins.get(pluginKey(id));
  }

  /** What waits for a restart of the engine, by type and name. Empty until the engine has answered once. */
  pending(): PendingChange[] {
    if (this.#engine === undefined) return [];
    const changes: PendingChange[] = [];
    for (const [id, entry] of this.#installed()) {
      const from = this.knownOf(id);
      if (from !== undefined && isSame(from, entry)) continue;
      const since = entry.changedAt ?? entry.installedAt;
      const change = from === undefined ? "install" : "update";
      changes.push({ ...id, change, ...(since && { since }), ...(from && { from }), to: knownVersion(entry) });
    }
    for (const [key, from] of this.#plugins) {
      const id = parsePluginKey(key);
      if (id === undefined || this.#options.installed.entries(id.type).has(id.name)) continue;
      const since = this.#options.installed.removedAt(id);
      changes.push({ ...id, change: "delete", ...(since && { since }), from });
    }
    return changes;
  }

  get #replaced(): ReadonlyMap<string, ReplacedVersion> {
    return this.#options.installed.replaced?.() ?? new Map();
  }

  /** For a process that was not seen before the change: what was there when it started. */
  #replacedAfter(start: Date, key: string): KnownVersion | undefined {
    const replaced = this.#replaced.get(key);
    if (replaced === undefined || !isAfter(replaced.replacedAt, start)) return undefined;
    return { version: replaced.version.version, id: replaced.of };
  }

  *#installed(): Iterable<[PluginId, PluginEntry]> {
    for (const type of PLUGIN_TYPES) {
      for (const [name, entry] of this.#options.installed.entries(type)) yield [{ type, name }, entry];
    }
  }

  /** One after the other. A failure is logged: what waits for a restart may be forgotten by a restart of this server. */
  #write(): Promise<void> {
    const { layout, log } = this.#options;
    this.#writing = this.#writing
      .then(async () => {
        if (this.#engine === undefined) return;
        const { version, startedAt } = this.#engine;
        const plugins = Object.fromEntries(this.#plugins);
        const json = JSON.stringify({ schema: 1, engine: { version, startedAt: startedAt.toISOString() }, plugins });
        await makeFolder(layout.engineFolder);
        await replaceFile(layout.baselineFile, `${json}\n`);
      })
      .catch((err) => log.error({ err }, "what the engine started with could not be recorded"));
    return this.#writing;
  }
}

/** @returns the version as the baseline knows it */
export function knownVersion(entry: PluginEntry): KnownVersion {
  const { version, change } = entry;
  return { version, id: versionId(entry), ...(change && { change }) };
}

function isSame(known: KnownVersion, entry: PluginEntry): boolean {
  return (known.change !== undefined && known.change === entry.change) || known.id === versionId(entry);
}

function isAfter(time: string | undefined, start: Date): boolean {
  return time !== undefined && Date.parse(time) >= start.getTime();
}
