import { type BaseLogger, type Logger, pino } from "pino";
import { openStdout } from "./line-files.ts";

/** What the rooms below HTTP need of a pino logger. A request's log has its id on every line. */
export type Log = Pick<BaseLogger, "debug" | "info" | "warn" | "error">;

/** For work that is not logged: a command prints its own report. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

interface LogOptions {
  readonly debug: boolean;
  /** Lines for people, instead of one JSON line per event. */
  readonly pretty: boolean;
  /** How much of what its reader does not take is kept; further lines are dropped. */
  readonly maxBufferBytes: number;
  /** Called for each line that is dropped. */
  readonly onDrop?: () => void;
}

/** The server's log on standard output. Neither a full disk nor a stalled reader holds up what logs. */
export async function createLog({ debug, pretty, maxBufferBytes, onDrop }: LogOptions): Promise<Logger> {
  const lines = openStdout({
    maxBytes: maxBufferBytes,
    onDropped: (dropped) => log.warn({ dropped }, droppedLines(dropped, "log")),
    ...(onDrop && { onDrop }),
  });
  const options = { level: debug ? "debug" : "info", base: { pid: process.pid } };
  const log = pretty ? pino(options, await prettyLines(lines)) : pino(options, lines);
  return log;
}

type Lines = ReturnType<typeof openStdout>;

async function prettyLines(lines: Lines) {
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" });
  return { write: (line: string) => lines.write(pretty(line)), flushSync: () => lines.flushSync() };
}

export function droppedLines(lines: number, where: string): string {
  const were = lines === 1 ? "1 line" : `${lines} lines`;
  return `${were} of the ${where} ${lines === 1 ? "was" : "were"} dropped: they could not be written`;
}
