import type { Stage } from "../../domain/change.ts";
import type { Verdict } from "../../domain/compatibility.ts";
import { quoted } from "../../lib/text.ts";

/** What a verdict means, in words. null: `engine.verify` is off. */
export function verdictWords(verdict: unknown): string {
  if (verdict === null || verdict === undefined) return "not checked";
  return VERDICT_WORDS[verdict as Verdict] ?? String(verdict);
}

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  compatible: "will load",
  incompatible: "will not load",
  unknown: "unknown",
};

/** Whether the engine has it, in words. */
export const ENGINE_WORDS: Readonly<Record<string, string>> = {
  loaded: "loaded",
  "restart-required": "waits for a restart",
  failed: "failed to load",
  unknown: "unknown",
};

/** What a change does now, in words. */
const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  waiting: "waiting for its turn",
  download: "getting the zip",
  check: "checking checksum and signature",
  unpack: "unpacking",
  inspect: "comparing with the engine",
  script: "running install.sh",
  commit: "putting the files into place",
  activate: "handing it to the engine",
  snapshot: "noting which rules run",
  restart: "restarting the engine",
  wait: "waiting for the engine",
  settle: "letting the rules run",
  verify: "looking at rules and plugins again",
  undo: "undoing the changes",
};

export function stageWords({ stage, action }: { readonly stage: string; readonly action: string }): string {
  if (stage === "commit" && action === "delete") return "removing the files";
  return Object.hasOwn(STAGE_WORDS, stage) ? STAGE_WORDS[stage as Stage] : quoted(stage);
}

/** Who signed a plugin, in words. */
export function signatureWords(signature: unknown): string {
  const { state, by } = (signature ?? {}) as { state?: unknown; by?: unknown };
  if (state === "verified") return `by ${String(by ?? "a trusted key")}`;
  return state === "unsigned" ? "none" : "";
}

const UNITS = ["B", "KB", "MB", "GB"] as const;

/** `12.3 MB`. */
export function bytesWords(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}
