import { type CallOptions, call } from "./client.ts";
import type {
  EngineReport,
  InstallPreview,
  Job,
  Offers,
  PluginDetails,
  PluginId,
  PluginRow,
  PluginType,
  ServerAbout,
  VersionRow,
} from "./shapes.ts";

/** The API's calls that views make, each with the type of its answer. All throw ApiFailure. */

async function body<T>(path: string, options?: CallOptions): Promise<T> {
  return (await call<T>(path, options)).body;
}

const pathOf = ({ type, name }: PluginId) => `/plugins/${type}/${encodeURIComponent(name)}`;

export const api = {
  about: (signal: AbortSignal) => body<ServerAbout>("/", { signal }),
  plugins: (signal: AbortSignal) => body<readonly PluginRow[]>("/plugins?rules=1", { signal }),
  plugin: (id: PluginId, signal: AbortSignal) => body<PluginDetails>(pathOf(id), { signal }),
  versions: (id: PluginId, signal: AbortSignal) => body<readonly VersionRow[]>(`${pathOf(id)}/versions`, { signal }),
  installLog: (id: PluginId, signal: AbortSignal) => body<string>(`${pathOf(id)}/log`, { signal }),
  engine: (signal: AbortSignal) => body<EngineReport>("/engine", { signal }),
  jobs: (signal: AbortSignal) => body<readonly Job[]>("/jobs", { signal }),
  job: (id: string, signal?: AbortSignal) =>
    body<Job>(`/jobs/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal }),
  jobLog: (id: string, signal: AbortSignal) => body<string>(`/jobs/${encodeURIComponent(id)}/log`, { signal }),
  /** What another engine binary would make of what is installed; reading hundreds of plugins takes its time. */
  upgrade: (engine: string, signal: AbortSignal) =>
    body<readonly PluginRow[]>(`/plugins?engine=${encodeURIComponent(engine)}`, { signal, seconds: 300 }),
  /** Downloading a zip and reading it takes its time; the server's own limits end it. */
  inspect: (
    order: { readonly file: string; readonly type?: PluginType; readonly name?: string },
    signal: AbortSignal,
  ) => body<InstallPreview>("/plugins/inspect", { method: "POST", json: order, signal, seconds: 3600 }),
  offers: (type: PluginType, signal: AbortSignal) =>
    body<Offers>(`/plugins/${type}/prebuild?details=1`, { signal, seconds: 60 }),
  cancel: (id: string) => body<Job>(`/jobs/${encodeURIComponent(id)}`, { method: "DELETE" }),
};

/** Starts a change as a job, and answers with its id. @throws ApiFailure where it is refused at once */
async function startChange(path: string, options: CallOptions): Promise<string> {
  const headers = { ...options.headers, prefer: "respond-async" };
  const { headers: got } = await call<unknown>(path, { ...options, headers });
  return jobId(got.get("location") ?? got.get("job") ?? "");
}

/** What is to be installed, and how. */
export interface InstallOrder extends PluginId {
  readonly shellParas: readonly string[];
  readonly functions: readonly string[];
}

interface InspectedZip {
  /** http, https or file. */
  readonly file: string;
  readonly sha256: string;
}

export const change = {
  /** @param isUpdate whether the plugin is installed */
  install: ({ type, name, ...order }: InstallOrder & InspectedZip, isUpdate: boolean) =>
    startChange(isUpdate ? pathOf({ type, name }) : `/plugins/${type}`, {
      method: isUpdate ? "PUT" : "POST",
      json: { name, ...order },
    }),
  rollback: (id: PluginId, version: string) =>
    startChange(`${pathOf(id)}/rollback`, { method: "POST", json: { id: version } }),
  /** @param force also where rules use it and that is protected */
  remove: (id: PluginId, force: boolean) =>
    startChange(`${pathOf(id)}${force ? "?force=1" : ""}`, { method: "DELETE" }),
  restartEngine: () => startChange("/engine/restart", { method: "POST" }),
};

/** The id in `/jobs/ID`. */
export function jobId(location: string): string {
  return decodeURIComponent(location.replace(/^.*\/jobs\//, ""));
}
