import { rm } from "node:fs/promises";
import { type Static, Type } from "@sinclair/typebox";
import { PLUGIN_TYPES, pluginKey } from "../../domain/plugin.ts";
import { makeFolder, replaceFile, syncFolder } from "../../lib/durable.ts";
import { readJsonFile } from "../../lib/json-file.ts";
import type { Log } from "../../lib/log.ts";
import type { Layout } from "../../store/layout.ts";
import { KnownSchema, type PendingChange } from "../baseline.ts";

const ChangeSchema = Type.Object({
  type: Type.Union(PLUGIN_TYPES.map((type) => Type.Literal(type))),
  name: Type.String({ minLength: 1 }),
  change: Type.Union([Type.Literal("install"), Type.Literal("update"), Type.Literal("delete")]),
  from: Type.Optional(KnownSchema),
  to: Type.Optional(KnownSchema),
});

/** A change that the restart is to prove. */
export type ProvenChange = Readonly<Static<typeof ChangeSchema>>;

const WorseSchema = Type.Object({
  kind: Type.Union([Type.Literal("plugin"), Type.Literal("rule")]),
  id: Type.String(),
  reason: Type.String(),
});

const JournalSchema = Type.Object({
  schema: Type.Literal(1),
  /** `restart`: the engine is restarted with the changes. `undo`: these are undone. `again`: it is restarted without them. */
  phase: Type.Union([Type.Literal("restart"), Type.Literal("undo"), Type.Literal("again")]),
  /** When the engine was asked to restart, last; in ms since 1970. */
  since: Type.Number(),
  /** The latest time at which the process before that can have been started; absent where none answered. */
  before: Type.Optional(Type.Number()),
  well: Type.Object({ rules: Type.Array(Type.String()), plugins: Type.Array(Type.String()) }),
  changes: Type.Array(ChangeSchema),
  /** What the first restart ended with: why the changes are undone. */
  worse: Type.Array(WorseSchema),
  /** Why the engine did not come back from it. */
  reason: Type.Optional(Type.String()),
  /** Changes that were undone, and those that could not be, with the reason. */
  undone: Type.Array(ChangeSchema),
  notUndone: Type.Array(Type.Composite([ChangeSchema, Type.Object({ reason: Type.String() })])),
  /** How often a start of this server took it up. */
  resumed: Type.Number(),
});

/** A restart of the engine in progress, as the next start of this server finds it. */
export type RestartState = Readonly<Static<typeof JournalSchema>>;

export function provenChange({ type, name, change, from, to }: PendingChange): ProvenChange {
  return { type, name, change, ...(from && { from }), ...(to && { to }) };
}

/** The changes that a process of the engine has started with: those of the journal, and what was changed after it was written. */
export function withApplied(changes: readonly ProvenChange[], applied: readonly PendingChange[]): ProvenChange[] {
  const byPlugin = new Map([...changes, ...applied.map(provenChange)].map((change) => [pluginKey(change), change]));
  return [...byPlugin.values()];
}

const MAX_BYTES = 64 * 1024 * 1024;

/** The file in which the restart in progress is recorded, before each of its steps that can't be taken back. */
export class RestartJournal {
  readonly #layout: Pick<Layout, "engineFolder" | "restartFile">;
  readonly #log: Log;

  constructor(layout: Pick<Layout, "engineFolder" | "restartFile">, log: Log) {
    this.#layout = layout;
    this.#log = log;
  }

  /** The restart that an earlier process did not finish. One that can't be read is logged, and counts as none. */
  async read(): Promise<RestartState | undefined> {
    try {
      return await readJsonFile(JournalSchema, this.#layout.restartFile, MAX_BYTES);
    } catch (err) {
      this.#log.error({ err }, "the record of a restart of the engine can't be read: what it was for is not proven");
      return undefined;
    }
  }

  /** @throws the file system's error */
  async write(state: RestartState): Promise<RestartState> {
    await makeFolder(this.#layout.engineFolder);
    await replaceFile(this.#layout.restartFile, `${JSON.stringify(state)}\n`);
    return state;
  }

  /** @throws the file system's error */
  async remove(): Promise<void> {
    await rm(this.#layout.restartFile, { force: true });
    await syncFolder(this.#layout.engineFolder);
  }
}
