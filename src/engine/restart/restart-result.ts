import type { PluginType } from "../../domain/plugin.ts";
import type { KnownVersion } from "../baseline.ts";
import type { Worse } from "./compare.ts";
import type { ProvenChange } from "./restart-journal.ts";

/**
 * How a restart of the engine ended. `healthy`: nothing is worse. `degraded`: something is, and nothing is undone or that did
 * not help. `rolled-back`: its changes are undone, and nothing is worse then. `unreachable`: the engine did not come back.
 */
export type Outcome = "healthy" | "degraded" | "rolled-back" | "unreachable";

/** A change that was undone: what it had replaced, and what it had put there. Versions; null for none. */
interface UndoneView {
  readonly type: PluginType;
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** The result of a restart's job. */
export interface RestartResult {
  readonly outcome: Outcome;
  /** After a rollback: what was worse before it. */
  readonly worse: readonly Worse[];
  readonly undone: readonly UndoneView[];
  /** Changes that should have been undone as well; absent where there are none. */
  readonly notUndone?: readonly (UndoneView & { readonly reason: string })[];
  /** How many ran before it, and at its end; null where the engine can't be asked. */
  readonly rules: { readonly before: number; readonly after: number | null };
  /** Why the engine did not come back, at first or at all. */
  readonly reason?: string;
  /** The last lines of the command of `engine.restart`; absent where it printed none. */
  readonly output?: readonly string[];
}

export function undoneView({ type, name, from, to }: ProvenChange): UndoneView {
  return { type, name, from: versionOf(from), to: versionOf(to) };
}

function versionOf(known: KnownVersion | undefined): string | null {
  return known?.version ?? null;
}
