import { type CallOptions, call } from "./client.ts";
import type { EngineReport, Job, PluginDetails, PluginName, PluginRow, ServerAbout, VersionRow } from "./shapes.ts";

/** The API's calls that views make, each with the type of its answer. All throw ApiFailure. */

async function body<T>(path: string, options?: CallOptions): Promise<T> {
  return (await call<T>(path, options)).body;
}

const pathOf = ({ type, name }: PluginName) => `/plugins/${type}/${encodeURIComponent(name)}`;

export const api = {
  about: (signal: AbortSignal) => body<ServerAbout>("/", { signal }),
  plugins: (signal: AbortSignal) => body<readonly PluginRow[]>("/plugins", { signal }),
  plugin: (id: PluginName, signal: AbortSignal) => body<PluginDetails>(pathOf(id), { signal }),
  versions: (id: PluginName, signal: AbortSignal) => body<readonly VersionRow[]>(`${pathOf(id)}/versions`, { signal }),
  installLog: (id: PluginName, signal: AbortSignal) => body<string>(`${pathOf(id)}/log`, { signal }),
  engine: (signal: AbortSignal) => body<EngineReport>("/engine", { signal }),
  jobs: (signal: AbortSignal) => body<readonly Job[]>("/jobs", { signal }),
  job: (id: string, signal?: AbortSignal) =>
    body<Job>(`/jobs/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal }),
  jobLog: (id: string, signal: AbortSignal) => body<string>(`/jobs/${encodeURIComponent(id)}/log`, { signal }),
  /** What another engine binary would make of what is installed; reading hundreds of plugins takes its time. */
  upgrade: (engine: string, signal: AbortSignal) =>
    body<readonly PluginRow[]>(`/plugins?engine=${encodeURIComponent(engine)}`, { signal, seconds: 300 }),
  cancel: (id: string) => body<Job>(`/jobs/${encodeURIComponent(id)}`, { method: "DELETE" }),
};

/** Starts a change as a job, and answers with its id. @throws ApiFailure where it is refused at once */
export async function startChange(path: string, options: CallOptions): Promise<string> {
  const headers = { ...options.headers, prefer: "respond-async" };
  const { headers: got } = await call<unknown>(path, { ...options, headers });
  return jobId(got.get("location") ?? got.get("job") ?? "");
}

export const change = {
  rollback: (id: PluginName, version: string) =>
    startChange(`${pathOf(id)}/rollback`, { method: "POST", json: { id: version } }),
  remove: (id: PluginName) => startChange(pathOf(id), { method: "DELETE" }),
  restartEngine: () => startChange("/engine/restart", { method: "POST" }),
};

/** The id in `/jobs/ID`. */
export function jobId(location: string): string {
  return decodeURIComponent(location.replace(/^.*\/jobs\//, ""));
}
