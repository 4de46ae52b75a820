import type { Situation } from "./situation.ts";

/** From the best to the worst but for `skipped`, which says that nothing was looked at. */
export const STATES = ["ok", "skipped", "warning", "failure"] as const;
export type State = (typeof STATES)[number];

/** One thing that was seen. */
export interface Observation {
  readonly state: State;
  /** One line: what is so. */
  readonly message: string;
  /** One line: what to do about it. */
  readonly advice?: string;
}

/** The sections of a report, in their order. */
export const GROUPS = ["settings", "access", "system", "folders", "server", "engine", "plugins", "network"] as const;
export type Group = (typeof GROUPS)[number];

export interface Finding extends Observation {
  readonly check: string;
  readonly group: Group;
}

export interface Check {
  /** Stable, for programs and for docs/doctor.md. */
  readonly id: string;
  readonly group: Group;
  /** Whether it asks plugin hosts. */
  readonly isOnline?: boolean;
  /** How long it may take; `DEFAULT_SECONDS` if absent. */
  readonly seconds?: number;
  /** Only reads. What it throws becomes a finding, and so does being too slow: what was yielded until then counts. */
  run(situation: Situation, signal: AbortSignal): AsyncIterable<Observation>;
}

export const ok = (message: string): Observation => ({ state: "ok", message });
export const skipped = (message: string): Observation => ({ state: "skipped", message });
export const warning = (message: string, advice: string): Observation => ({ state: "warning", message, advice });
export const failure = (message: string, advice: string): Observation => ({ state: "failure", message, advice });
