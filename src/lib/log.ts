import { type BaseLogger, type Logger, pino } from "pino";

/** What the rooms below HTTP need of a pino logger. A request's log has its id on every line. */
export type Log = Pick<BaseLogger, "debug" | "info" | "warn" | "error">;

/** For work that is not logged: a command prints its own report. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** How much of what can't be written is kept until it can; further lines are lost. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/** The server's log on standard output: one JSON line per event, or lines for people if `pretty`. */
export async function createLog({ debug, pretty }: { debug: boolean; pretty: boolean }): Promise<Logger> {
  const options = { level: debug ? "debug" : "info", base: { pid: process.pid } };
  if (!pretty) return pino(options, openLines({ dest: 1 }, nowhereToReport));
  const { default: prettyStream } = await import("pino-pretty");
  return pino(options, prettyStream({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", sync: true }));
}

/**
 * A stream of lines, each of which is written when the call returns: or else the last ones before the end of the
 * process come in any order, or not at all. A full disk ends neither the process nor the request that logs.
 *
 * @throws the system's error when a file can't be opened
 */
export function openLines(
  target: { readonly dest: string | number; readonly mode?: number },
  onError: (error: Error) => void,
): ReturnType<typeof pino.destination> {
  const stream = pino.destination({ ...target, mkdir: true, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  return stream.on("error", onError);
}

function nowhereToReport(): void {}
