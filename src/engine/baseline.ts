import { type Static, Type } from "@sinclair/typebox";
import { PLUGIN_TYPES, type PluginId, type PluginType, parsePluginKey, pluginKey } from "../domain/plugin.ts";
import type { PluginEntry, ReplacedVersion } from "../domain/plugin-entry.ts";
import { makeFolder, replaceFile } from "../lib/durable.ts";
import { readJsonFile, unlikeSchema } from "../lib/json-file.ts";
import type { Log } from "../lib/log.ts";
import type { Layout } from "../store/layout.ts";
import { isVersion, versionId } from "../store/versions/version-list.ts";
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
  engine: Type.Object({ version: Type.String(), startedAt: Type.String(), tookMs: Type.Optional(Type.Number()) }),
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

/** The installed plugins at one time: the maps are never changed. */
export type Installed = Readonly<Record<PluginType, ReadonlyMap<string, PluginEntry>>>;

interface BaselineOptions {
  readonly layout: Pick<Layout, "engineFolder" | "baselineFile">;
  readonly installed: InstalledSet;
  readonly log: Log;
}

/** Ten thousand plugins have about two megabytes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * The plugins with which the engine's present process started, and those that it was handed since. What is installed and
 * differs from it waits for a restart of the engine. It is kept in a file, so a restart of this server changes nothing.
 */
export class Baseline {
  readonly #options: BaselineOptions;
  #engine: Pick<EngineAbout, "startedAt" | "tookMs" | "version"> | undefined;
  #plugins: Map<string, KnownVersion>;
  /** What was installed when the present process was last known to run: the next process has started with all of it. */
  #lastSeen: Installed | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Told of the changes with which a new process of the engine started. */
  onNewProcess: (applied: readonly PendingChange[]) => void = () => {};

  private constructor(options: BaselineOptions, read: Static<typeof BaselineSchema> | undefined) {
    this.#options = options;
    this.#engine = read && { ...read.engine, startedAt: new Date(read.engine.startedAt) };
    this.#plugins = new Map(Object.entries(read?.plugins ?? {}));
  }

  /** One that can't be read counts as not there: the next answer of the engine makes a new one. */
  static async open(options: BaselineOptions): Promise<Baseline> {
    const { layout, log } = options;
    try {
      const read = await readJsonFile(BaselineSchema, layout.baselineFile, MAX_FILE_BYTES);
      if (read !== undefined && !isDate(read.engine.startedAt)) throw unlikeSchema(layout.baselineFile);
      return new Baseline(options, read);
    } catch (err) {
      log.warn({ err }, "what the engine started with can't be read; it is made anew");
      return new Baseline(options, undefined);
    }
  }

  /** What is installed now: to be taken before the engine is asked, and given to `observe` with its answer. */
  installed(): Installed {
    const { entries } = this.#options.installed;
    return { sources: entries("sources"), sinks: entries("sinks"), functions: entries("functions") };
  }

  /**
   * Compares an answer of the engine with the process that was seen last. A new process started with what was installed
   * at that time; what was changed after its start is as pending as before.
   *
   * @param installed what was installed when the engine was asked: a change may have been made since
   * @param isKnownNew whether it is known to be a new process; by default its up time tells
   * @returns whether it is a new process
   */
  async observe(about: EngineAbout, installed: Installed = this.installed(), isKnownNew = false): Promise<boolean> {
    const before = this.#engine;
    const isNew = isKnownNew || before === undefined || isNewProcess(before, about);
    if (isNew) {
      const waiting = this.pending();
      this.#plugins = this.#startedWith(about, installed);
      this.#engine = about;
      const left = new Set(this.pending().map(pluginKey));
      this.onNewProcess(waiting.filter((change) => !left.has(pluginKey(change))));
      await this.#write();
    }
    this.#lastSeen = installed;
    return isNew;
  }

  #startedWith({ startedAt }: EngineAbout, installed: Installed): Map<string, KnownVersion> {
    const plugins = new Map<string, KnownVersion>();
    for (const [id, entry] of all(installed)) {
      // Up times are whole seconds: what changed in the second of the start counts as unknown to it.
      const known = isAfter(entry.changedAt, startedAt)
        ? (this.#before(id, entry) ?? this.#replacedAfter(startedAt, pluginKey(id)))
        : knownVersion(entry);
      if (known !== undefined) plugins.set(pluginKey(id), known);
    }
    for (const [key, known] of this.#plugins) {
      const id = parsePluginKey(key);
      if (id === undefined || installed[id.type].has(id.name)) continue;
      if (isAfter(this.#options.installed.removedAt(id), startedAt)) plugins.set(key, known);
    }
    for (const [key, { removedAt }] of this.#replaced) {
      const id = parsePluginKey(key);
      const known = removedAt === undefined ? undefined : this.#replacedAfter(startedAt, key);
      if (id === undefined || known === undefined || installed[id.type].has(id.name)) continue;
      if (!plugins.has(key)) plugins.set(key, known);
    }
    return plugins;
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

  /**
   * What a process has of a plugin that was changed after its start, as the times say. Where the process before was seen
   * to run with this very change, the times are wrong. Else there may have been other changes in between, so that even the
   * same files as are installed now say nothing of what the process has.
   */
  #before(id: PluginId, entry: PluginEntry): KnownVersion | undefined {
    const seen = this.#lastSeen?.[id.type].get(id.name);
    const known = seen === undefined ? this.knownOf(id) : knownVersion(seen);
    if (known === undefined || known.change === entry.change || known.id !== versionId(entry)) return known;
    return { version: known.version, id: UNSURE };
  }

  /** Records that the engine's process has loaded what is installed now, without a restart. */
  async loaded(id: PluginId, entry: PluginEntry): Promise<void> {
    this.#plugins.set(pluginKey(id), knownVersion(entry));
    await this.#write();
  }

  /** Of the engine's process that was seen last; undefined where none was yet. */
  get engineVersion(): string | undefined {
    return this.#engine?.version;
  }

  /** Records that the engine's process has none of that name: it appeared after its start, although nobody saw when. */
  async missing(id: PluginId): Promise<void> {
    if (this.#plugins.delete(pluginKey(id))) await this.#write();
  }

  /** What the engine's process has of a plugin; undefined where it has none, or none is known. */
  knownOf(id: PluginId): KnownVersion | undefined {
    return this.#plugins.get(pluginKey(id));
  }

  /** What waits for a restart of the engine, by type and name. Empty until the engine has answered once. */
  pending(): PendingChange[] {
    if (this.#engine === undefined) return [];
    const installed = this.installed();
    const changes: PendingChange[] = [];
    for (const [id, entry] of all(installed)) {
      const from = this.knownOf(id);
      if (from !== undefined && isVersion(entry, from)) continue;
      const since = entry.changedAt ?? entry.installedAt;
      const change = from === undefined ? "install" : "update";
      changes.push({ ...id, change, ...(since && { since }), ...(from && { from }), to: knownVersion(entry) });
    }
    for (const [key, from] of this.#plugins) {
      const id = parsePluginKey(key);
      if (id === undefined || installed[id.type].has(id.name)) continue;
      const since = this.#options.installed.removedAt(id);
      changes.push({ ...id, change: "delete", ...(since && { since }), from });
    }
    return changes;
  }

  /** Resolves when all is on the disk that was recorded until now. */
  written(): Promise<void> {
    return this.#writing;
  }

  /** One after the other. A failure is logged: what waits for a restart may be forgotten by a restart of this server. */
  #write(): Promise<void> {
    const { layout, log } = this.#options;
    this.#writing = this.#writing
      .then(async () => {
        if (this.#engine === undefined) return;
        const { version, startedAt, tookMs = 0 } = this.#engine;
        const plugins = Object.fromEntries(this.#plugins);
        const engine = { version, startedAt: startedAt.toISOString(), tookMs };
        await makeFolder(layout.engineFolder);
        await replaceFile(layout.baselineFile, `${JSON.stringify({ schema: 1, engine, plugins })}\n`);
      })
      .catch((err) => log.error({ err }, "what the engine started with could not be recorded"));
    return this.#writing;
  }
}

/** The id of no version. */
const UNSURE = "unsure";

function knownVersion(entry: PluginEntry): KnownVersion {
  const { version, change } = entry;
  return { version, id: versionId(entry), ...(change && { change }) };
}

function* all(installed: Installed): Iterable<[PluginId, PluginEntry]> {
  for (const type of PLUGIN_TYPES) {
    for (const [name, entry] of installed[type]) yield [{ type, name }, entry];
  }
}

function isAfter(time: string | undefined, start: Date): boolean {
  return time !== undefined && Date.parse(time) >= start.getTime();
}

function isDate(text: string): boolean {
  return !Number.isNaN(Date.parse(text));
}
