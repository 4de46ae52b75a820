import type { Problem, Verdict } from "../../domain/compatibility.ts";
import type { PluginType } from "../../domain/plugin.ts";
import type { FailureCode } from "./failure.ts";

/** What the API answers, as far as the page reads it; docs/api.md has the whole. Times are ISO 8601, UTC. */

export type { PluginType, Problem, Verdict };

export interface PluginName {
  readonly type: PluginType;
  readonly name: string;
}

/** `GET /`. In front of an engine it is the engine's answer, with this server's own beside it. */
export interface ServerAbout {
  readonly version: string;
  readonly upTimeSeconds: number;
  readonly pluginServer?: { readonly version: string; readonly upTimeSeconds: number };
  readonly engine?: "unreachable";
}

export type EngineState = "loaded" | "restart-required" | "failed" | "unknown";

export interface SignatureView {
  readonly state: "verified" | "unsigned" | "not-asked";
  readonly by?: string;
}

/** A row of `GET /plugins`. */
export interface PluginRow extends PluginName {
  readonly version: string;
  readonly origin: string | null;
  readonly verdict: Verdict | null;
  readonly reason?: string;
  readonly signature?: SignatureView;
  /** Only in front of an engine. */
  readonly engine?: EngineState;
  readonly engineReason?: string;
  /** How many rules need it; only in front of an engine, null while that can't be asked. */
  readonly rules?: number | null;
}

export interface InstalledFile {
  readonly path: string;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly defaultOf?: string;
}

export interface Verified {
  readonly sha256?: true;
  readonly signature?: { readonly key: string; readonly algorithm: string; readonly fingerprint: string };
  readonly statement?: { readonly type: string; readonly name: string; readonly version?: string };
}

/** `GET /plugins/T/N`. */
export interface PluginDetails {
  readonly name: string;
  readonly version: string;
  readonly soFile: string;
  readonly files: readonly InstalledFile[];
  readonly unplaced?: readonly string[];
  readonly functions?: readonly string[];
  readonly unregistered?: readonly string[];
  readonly engineFunctions?: {
    readonly found: readonly string[];
    readonly missing: readonly string[];
    readonly remedy?: string;
  };
  readonly origin?: string;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly verified?: Verified;
  readonly installedAt?: string;
  readonly compatibility?: { readonly verdict: Verdict; readonly problems: readonly Problem[] };
  readonly engine?: EngineState;
  readonly engineReason?: string;
  readonly usedBy?: { readonly rules: readonly string[]; readonly streams: readonly string[] } | null;
}

/** A row of `GET /plugins/T/N/versions`. */
export interface VersionRow {
  readonly version: string;
  readonly id: string;
  readonly current: boolean;
  readonly origin?: string;
  readonly bytes?: number;
  readonly installedAt?: string;
  readonly verified?: Verified;
  readonly undone?: string;
}

/** `GET /engine`. */
export interface EngineReport {
  readonly url: string;
  readonly reachable: boolean;
  readonly reason?: string;
  readonly version: string | null;
  readonly upTimeSeconds: number | null;
  readonly restart: "command" | "stop" | "none";
  readonly pending: readonly (PluginName & {
    readonly change: "install" | "update" | "delete";
    readonly since: string | null;
  })[];
}

export interface UndoneChange extends PluginName {
  readonly from: string | null;
  readonly to: string | null;
}

/** The `result.body` of the job of a restart. */
export interface RestartResult {
  readonly outcome: "healthy" | "degraded" | "rolled-back" | "unreachable";
  readonly worse: readonly { readonly kind: "rule" | "plugin"; readonly id: string; readonly reason?: string }[];
  readonly undone: readonly UndoneChange[];
  readonly notUndone?: readonly (UndoneChange & { readonly reason: string })[];
  /** How many rules ran; absent where the engine could not be asked. */
  readonly rules?: { readonly before: number; readonly after: number };
  readonly reason?: string;
  readonly output?: readonly string[];
}

export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted";

export type JobResult =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly error: FailureCode; readonly message: string };

/** `GET /jobs/ID`. */
export interface Job {
  readonly id: string;
  readonly action: "install" | "update" | "rollback" | "delete" | "restart";
  readonly plugin?: PluginName;
  readonly state: JobState;
  readonly stage: string;
  readonly bytes: number;
  readonly totalBytes?: number;
  readonly percent: number;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly result?: JobResult;
  readonly log?: string;
  readonly restart?: string;
}
