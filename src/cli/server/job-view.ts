import { isObject, type Members } from "../../lib/objects.ts";
import { Unreachable } from "../failure.ts";

/** A job as the server shows it; what is not here is passed on as it came. */
export interface JobView {
  readonly id: string;
  readonly action: string;
  readonly plugin?: { readonly type: string; readonly name: string };
  readonly state: string;
  readonly stage: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly percent?: number;
  readonly createdAt?: string;
  readonly endedAt?: string;
  /** The address of the job of the engine's restart that the change asked for. */
  readonly restart?: string;
  /** The address of what install.sh has printed. */
  readonly log?: string;
  readonly result?: {
    readonly status: number;
    readonly error?: string;
    readonly message?: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

/** @throws Unreachable for what is no job: something else answers there */
export function asJobView(value: unknown): JobView {
  if (isObject(value) && [value.id, value.state, value.action].every((one) => typeof one === "string")) {
    return { stage: "", ...value } as unknown as JobView;
  }
  throw new Unreachable("the server's answer is no job: is another program listening there? Correct --server");
}

/** `install of sources/random`, `restart of the engine`. */
export function jobWords({ action, plugin }: Pick<JobView, "action" | "plugin">): string {
  return plugin === undefined ? `${action} of the engine` : `${action} of ${plugin.type}/${plugin.name}`;
}

/** The id in `/jobs/ID`, as headers and views have it. */
export function jobIdOf(address: unknown): string | undefined {
  return typeof address === "string" ? /\/jobs\/([\w-]{1,100})$/.exec(address)?.[1] : undefined;
}

export function hasEnded({ result, state }: JobView): boolean {
  return result !== undefined || !["waiting", "running"].includes(state);
}

/** What a restart of the engine came to. */
export function restartBody({ result }: JobView): Members {
  return isObject(result?.body) ? result.body : {};
}
