import { type Logger, pino } from "pino";
import type { Caller } from "../domain/change.ts";
import { type ErrorCode, PluginError } from "../domain/errors.ts";
import type { PackageId } from "../domain/plugin.ts";
import { openLineFile } from "../lib/line-files.ts";
import { droppedLines } from "../lib/log.ts";
import type { ChangeFacts } from "./change-run.ts";

/** What was done, or tried. */
export type AuditedAction =
  | "install"
  | "update"
  | "rollback"
  | "register"
  | "delete"
  | "inspect"
  | "upload"
  | "deleteUpload"
  | "cancel"
  | "passOn"
  | "restart";

/**
 * A plugin, the name of an uploaded file, the id of a job, the method and path of a request that is passed on to the
 * engine, or the engine's address. A name that was not read, or is none, is empty.
 */
export type AuditedSubject =
  | { readonly plugin: Readonly<Record<keyof PackageId, string>> }
  | { readonly upload: string }
  | { readonly job: string }
  | { readonly request: string }
  | { readonly engine: string };

/** A write as its audit line tells it, but for the result. */
export interface AuditedWrite {
  readonly action: AuditedAction;
  readonly subject: AuditedSubject;
  /** Of a restart of the engine: its result. */
  readonly facts?: ChangeFacts | Readonly<Record<string, unknown>>;
  readonly caller: Caller;
}

/** `done`, or the code of the failure. */
export type AuditedResult = "done" | ErrorCode;

/** One line for each write, whatever came of it: who, what, and the result. */
export class Audit {
  readonly #log: Logger;
  /** Whose requests have their line. */
  readonly #recorded = new WeakSet<Caller>();
  /** Told of each write that is recorded, and its result. */
  onRecord: (write: AuditedWrite, result: AuditedResult) => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param error why it failed; undefined when it is done */
  record(write: AuditedWrite, error?: unknown): void {
    const { action, subject, facts, caller } = write;
    this.#recorded.add(caller);
    const { address, token, requestId: reqId } = caller;
    const result = resultOf(error);
    const line = { action, ...subject, ...facts, result, address, ...token, reqId };
    const reason = error instanceof PluginError ? error.message : undefined;
    this.#log.info(reason === undefined ? line : { ...line, reason }, "audit");
    this.onRecord(write, result);
  }

  /** The same for a request that is refused, unless what refused it has recorded that already. */
  recordRefusal(write: AuditedWrite, error: unknown): void {
    if (!this.#recorded.has(write.caller)) this.record(write, error);
  }

  /** Does work of which nothing more is known than its request, and records what came of it. */
  async around<T>(write: AuditedWrite, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.record(write);
      return result;
    } catch (error) {
      this.record(write, error);
      throw error;
    }
  }
}

function resultOf(error: unknown): AuditedResult {
  if (error === undefined) return "done";
  return error instanceof PluginError ? error.code : "INTERNAL";
}

/**
 * The audit's stream: a file of its own, to which lines are only ever added, or the server's log where none is set.
 *
 * @param onDrop called for each line that can't be written
 * @throws the system's error when the file can't be opened
 */
export function createAudit(file: string, maxBufferBytes: number, log: Logger, onDrop?: () => void): Audit {
  if (file === "") return new Audit(log.child({ audit: true }));
  // The change is done, or refused, by then: a line that can't be written must not change the reply.
  const lines = openLineFile(file, {
    maxBytes: maxBufferBytes,
    onError: (err) => log.error({ err }, "an audit line is not written"),
    onDropped: (dropped) => log.error({ dropped }, droppedLines(dropped, "audit")),
    ...(onDrop && { onDrop }),
  });
  return new Audit(pino({ base: null }, lines));
}
