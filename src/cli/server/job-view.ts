import { isObject, type Members } from "../../lib/objects.ts";
import { noAnswer } from "./answer.ts";

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

const TEXTS = ["stage", "createdAt", "endedAt", "restart", "log"];
const NUMBERS = ["bytes", "totalBytes", "percent"];

/** @throws Unreachable for what is no job: something else answers there */
export function asJobView(value: unknown): JobView {
  if (isObject(value) && isJob(value)) return { stage: "", ...value } as unknown as JobView;
  throw noAnswer("job");
}

function isJob(job: Members): boolean {
  const { id, state, action, plugin, result } = job;
  return (
    [id, state, action].every((one) => typeof one === "string") &&
    areOptional("string", job, TEXTS) &&
    areOptional("number", job, NUMBERS) &&
    (plugin === undefined ||
      (isObject(plugin) && typeof plugin.type === "string" && typeof plugin.name === "string")) &&
    (result === undefined || (isObject(result) && isResult(result)))
  );
}

function isResult(result: Members): boolean {
  const { headers = {} } = result;
  const hasHeaders = isObject(headers) && areOptional("string", headers, Object.keys(headers));
  return hasHeaders && areOptional("string", result, ["error", "message"]);
}

function areOptional(type: "string" | "number", members: Members, names: readonly string[]): boolean {
  return names.every((name) => members[name] === undefined || typeof members[name] === type);
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
