import { type Logger, pino } from "pino";
import type { Caller } from "../domain/change.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginId } from "../domain/plugin.ts";
import { openLineFile } from "../lib/line-files.ts";
import { droppedLines } from "../lib/log.ts";
import type { ChangeFacts } from "./change-run.ts";

/** What was done, or tried. */
export type AuditedAction = "install" | "update" | "rollback" | "register" | "delete";

/** A change as its audit line tells it, but for the result. */
interface AuditedChange {
  readonly action: AuditedAction;
  readonly plugin: PluginId;
  readonly facts: ChangeFacts;
  readonly caller: Caller;
}

/** One line for each change, whatever came of it: who, what, and the result. */
export class Audit {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param error why the change failed; undefined when it is done */
  record({ action, plugin, facts, caller }: AuditedChange, error?: unknown): void {
    const { address, token, requestId: reqId } = caller;
    const line = { action, plugin, ...facts, result: resultOf(error), address, ...token, reqId };
    const reason = error instanceof PluginError ? error.message : undefined;
    this.#log.info(reason === undefined ? line : { ...line, reason }, "audit");
  }
}

function resultOf(error: unknown): string {
  if (error === undefined) return "done";
  return error instanceof PluginError ? error.code : "INTERNAL";
}

/**
 * The audit's stream: a file of its own, to which lines are only ever added, or the server's log where none is set.
 *
 * @throws the system's error when the file can't be opened
 */
export function createAudit(file: string, maxBufferBytes: number, log: Logger): Audit {
  if (file === "") return new Audit(log.child({ audit: true }));
  // The change is done, or refused, by then: a line that can't be written must not change the reply.
  const lines = openLineFile(file, {
    maxBytes: maxBufferBytes,
    onError: (err) => log.error({ err }, "an audit line is not written"),
    onDropped: (dropped) => log.error({ dropped }, droppedLines(dropped, "audit")),
  });
  return new Audit(pino({ base: null }, lines));
}
