import { type Logger, pino } from "pino";
import type { Caller } from "../domain/caller.ts";
import type { Verdict } from "../domain/compatibility.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginId } from "../domain/plugin.ts";
import type { Verified } from "../domain/plugin-entry.ts";
import { openLines } from "../lib/log.ts";

/** What was done, or tried. */
export type AuditedAction = "install" | "update" | "rollback" | "register" | "delete";

/** What is known of a plugin when its change ends; nothing of it where it failed early. */
export interface AuditedFacts {
  version?: string;
  origin?: string | undefined;
  sha256?: string | undefined;
  /** What was proven of the zip: that it has the named sha256, and whose signature. */
  verified?: Verified | undefined;
  /** Whether the engine will load it. */
  verdict?: Verdict | undefined;
}

/** One line for each change, whatever came of it: who, what, and the result. */
export class Audit {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Runs a change and writes its line, also when it fails. `work` fills in what it learns. */
  async record<T>(
    action: AuditedAction,
    plugin: PluginId,
    caller: Caller,
    work: (facts: AuditedFacts) => Promise<T>,
  ): Promise<T> {
    const facts: AuditedFacts = {};
    const line = (result: string) => ({
      action,
      plugin,
      ...facts,
      result,
      address: caller.address,
      ...caller.token,
      reqId: caller.requestId,
    });
    try {
      const value = await work(facts);
      this.#log.info(line("done"), "audit");
      return value;
    } catch (error) {
      const reason = error instanceof PluginError ? error.message : undefined;
      this.#log.info({ ...line(error instanceof PluginError ? error.code : "INTERNAL"), reason }, "audit");
      throw error;
    }
  }
}

/**
 * The audit's stream: a file of its own, to which lines are only ever added, or the server's log where none is set.
 *
 * @throws the system's error when the file can't be opened
 */
export function createAudit(file: string, log: Logger): Audit {
  if (file === "") return new Audit(log.child({ audit: true }));
  // The change is done, or refused, by then: a line that can't be written must not make another answer of it.
  const lines = openLines({ dest: file, mode: 0o600 }, (err) => log.error({ err }, "an audit line is not written"));
  return new Audit(pino({ base: null }, lines));
}
