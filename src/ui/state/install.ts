import { signal } from "@preact/signals";
import { api, change, type InstallOrder } from "../api/calls.ts";
import { type ApiFailure, asFailure } from "../api/failure.ts";
import type { InstallPreview, PluginId, PluginType } from "../api/shapes.ts";
import { discardUpload, upload } from "../api/upload.ts";
import { t } from "../i18n/index.ts";
import { announce } from "./announce.ts";
import { rememberInstall } from "./started-installs.ts";

/** The zip that is about to be installed. */
export interface Source {
  /** http, https or file. */
  readonly url: string;
  /** What people call it: the file's name, or the address. */
  readonly label: string;
  /** Its name in the folder of uploads, if it was sent for this. */
  readonly upload?: string;
  /** The plugin that it shall be, where that is known before it is inspected: an update, an offer of a host. */
  readonly plugin?: PluginId | undefined;
}

/** How far an install has come before it is one: a zip is chosen, sent, inspected, looked at. */
export type InstallStep =
  | { readonly kind: "choose"; readonly failure?: ApiFailure; readonly about?: string }
  | {
      readonly kind: "upload";
      readonly label: string;
      readonly done: number;
      readonly total: number;
      readonly plugin?: PluginId | undefined;
    }
  | { readonly kind: "inspect"; readonly source: Source }
  | {
      readonly kind: "review";
      readonly source: Source;
      readonly report: InstallPreview;
      /** Whether it is being inspected again, as another plugin. */
      readonly isStale: boolean;
      /** Whether its install has been asked for, and not been refused. */
      readonly isOrdered?: true;
      readonly failure?: ApiFailure;
    };

/** What is known to be wrong with what was found out. */
interface Correction {
  readonly type?: PluginType;
  readonly name?: string;
}

const KEY = "kuiper-plugins.source";

export const installStep = signal<InstallStep>({ kind: "choose" });

const NOTHING_TYPED = { address: "", shellParas: "", functions: "" };
/** What only the user knows, such as the address of a zip. It is kept while another view is looked at, like the step. */
export const installTyped = signal(NOTHING_TYPED);

let work = new AbortController();

/** Sends a file to the server and inspects it there. */
export async function inspectFile(file: File, plugin?: PluginId): Promise<void> {
  const { signal } = begin();
  const label = file.name;
  installStep.value = { kind: "upload", label, done: 0, total: file.size, plugin };
  try {
    const { name, url } = await upload(file, {
      signal,
      onProgress: (done, total) => {
        if (!signal.aborted) installStep.value = { kind: "upload", label, done, total, plugin };
      },
    });
    if (signal.aborted) return void discardUpload(name);
    await inspect({ url, label, upload: name, plugin }, signal);
  } catch (error) {
    if (!signal.aborted) installStep.value = { kind: "choose", failure: asFailure(error), about: label };
  }
}

/** Inspects what is at an address. */
export async function inspectUrl(url: string, plugin?: PluginId): Promise<void> {
  await inspect({ url, label: url, plugin }, begin().signal);
}

/** Inspects the same zip again, as the plugin that it is said to be. */
export async function inspectAgain(correction: Correction): Promise<void> {
  const step = installStep.peek();
  if (step.kind !== "review") return;
  work.abort();
  work = new AbortController();
  const { signal } = work;
  const { source } = step;
  // What is shown is about what it was said to be before; nothing can be installed by it.
  const report = { ...step.report, ...correction };
  installStep.value = { kind: "review", source, report, isStale: true };
  try {
    const next = await api.inspect({ file: source.url, ...correction }, signal);
    if (!signal.aborted) installStep.value = { kind: "review", source, report: next, isStale: false };
  } catch (error) {
    if (signal.aborted) return;
    installStep.value = { kind: "review", source, report, isStale: true, failure: asFailure(error) };
  }
}

/** Starts what was looked at: an update, if that plugin is installed. It goes on by itself from here. */
export async function install(order: InstallOrder): Promise<void> {
  const step = installStep.peek();
  if (step.kind !== "review") return;
  const { source, report } = step;
  const asked: InstallStep = { kind: "review", source, report, isStale: true, isOrdered: true };
  installStep.value = asked;
  try {
    const isUpdate = report.installed !== null;
    // What was looked at is installed, and not what the address may have by now.
    const zip = { file: source.url, sha256: report.sha256 };
    const job = await change.install({ ...order, ...zip }, isUpdate);
    rememberInstall({ job, ...(source.upload !== undefined && { upload: source.upload }) });
    if (installStep.peek() === asked) {
      keep(undefined);
      installTyped.value = NOTHING_TYPED;
      installStep.value = { kind: "choose" };
    }
    announce(t(isUpdate ? "install.started.update" : "install.started", { name: order.name }));
  } catch (error) {
    // Who has left it meanwhile, for another zip, is not brought back.
    if (installStep.peek() === asked) {
      installStep.value = { kind: "review", source, report, isStale: false, failure: asFailure(error) };
    } else if (source.upload !== undefined) void discardUpload(source.upload);
  }
}

/** Leaves it at that: ends what is in progress, and deletes what was uploaded. */
export function leaveInstall(): void {
  const step = installStep.peek();
  begin();
  if (step.kind === "inspect") giveBack(step.source);
  installStep.value = { kind: "choose" };
}

/**
 * After a reload: inspects again what was being looked at.
 *
 * @param plugin what shall be updated now; a zip for anything else is left
 */
export function resumeInstall(plugin: PluginId | undefined): void {
  const step = installStep.peek();
  const source = step.kind === "choose" ? kept() : undefined;
  const present = source?.plugin ?? pluginOf(step);
  if (plugin !== undefined && (present?.type !== plugin.type || present.name !== plugin.name)) {
    begin();
    installStep.value = { kind: "choose" };
  } else if (source !== undefined) void inspect(source, work.signal);
}

/** The plugin that the zip shall be, where that was known from the beginning. */
function pluginOf(step: InstallStep): PluginId | undefined {
  if (step.kind === "choose") return undefined;
  return step.kind === "upload" ? step.plugin : step.source.plugin;
}

function begin(): AbortController {
  work.abort();
  work = new AbortController();
  const step = installStep.peek();
  const isLeft = step.kind === "inspect" || (step.kind === "review" && !step.isOrdered); // else an install may have begun
  if (isLeft && step.source.upload !== undefined) void discardUpload(step.source.upload);
  keep(undefined);
  installTyped.value = NOTHING_TYPED;
  return work;
}

async function inspect(source: Source, signal: AbortSignal): Promise<void> {
  keep(source);
  installStep.value = { kind: "inspect", source };
  try {
    const report = await api.inspect({ file: source.url, ...source.plugin }, signal);
    if (!signal.aborted) installStep.value = { kind: "review", source, report, isStale: false };
  } catch (error) {
    if (signal.aborted) return;
    if (source.upload !== undefined) void discardUpload(source.upload);
    keep(undefined);
    giveBack(source);
    installStep.value = { kind: "choose", failure: asFailure(error), about: source.label };
  }
}

/** Whoever stops a download, or has it fail, has perhaps mistyped its address. */
function giveBack({ url, upload }: Source): void {
  if (upload === undefined) installTyped.value = { ...NOTHING_TYPED, address: url };
}

function keep(source: Source | undefined): void {
  try {
    if (source === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(source));
  } catch {
    // storage may be switched off: a reload begins anew then
  }
}

function kept(): Source | undefined {
  try {
    const source = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return typeof source?.url === "string" && typeof source.label === "string" ? source : undefined;
  } catch {
    return undefined;
  }
}
