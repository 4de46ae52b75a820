import { signal } from "@preact/signals";
import { discardUpload } from "../api/upload.ts";

/** An install or update that this browser has started; it stays on the screen until somebody has seen how it ended. */
export interface StartedInstall {
  readonly job: string;
  /** What was uploaded for it, until that is deleted. */
  readonly upload?: string;
}

const KEY = "kuiper-plugins.installs";
const MAX_KEPT = 20;

/** The latest first. All tabs have the same, also after a reload. */
export const startedInstalls = signal<readonly StartedInstall[]>(read());

addEventListener("storage", ({ key }) => {
  if (key === KEY) startedInstalls.value = read();
});

export function rememberInstall(install: StartedInstall): void {
  write([install, ...read()].slice(0, MAX_KEPT));
}

export function forgetInstall(job: string): void {
  write(read().filter((one) => one.job !== job));
}

/** To be called when it has ended: its upload is of no use any more. */
export async function installEnded(job: string): Promise<void> {
  const name = read().find((one) => one.job === job)?.upload;
  if (name === undefined) return;
  await discardUpload(name);
  write(read().map((one) => (one.job === job ? { job } : one)));
}

function read(): readonly StartedInstall[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one?.job === "string") : [];
  } catch {
    return startedInstalls?.peek() ?? []; // storage may be switched off
  }
}

function write(installs: readonly StartedInstall[]): void {
  startedInstalls.value = installs;
  try {
    localStorage.setItem(KEY, JSON.stringify(installs));
  } catch {
    // then it is forgotten at the next reload, and GET /jobs still has it
  }
}
