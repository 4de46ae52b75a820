import { pino } from "pino";
import type { Log } from "../../src/lib/log.ts";

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A log, and what was written to it so far. */
export function testLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  return { log: pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) }), lines };
}

/** Levels of pino. */
export const WARN = 40;
export const ERROR = 50;
