import { type Logger, pino } from "pino";
import type { Config } from "./config/schema.ts";

/** One JSON line per event on standard output, or readable lines where a person is watching. */
export async function createLog(config: Config["log"], debug: boolean, isTerminal: boolean): Promise<Logger> {
  const options = { level: debug ? "debug" : "info", base: { pid: process.pid } };
  const pretty = config.format === "pretty" || (config.format === "auto" && isTerminal);
  // Synchronous, or else the last lines before the end of the process come in any order, or not at all.
  if (!pretty) return pino(options, pino.destination({ dest: 1, sync: true }));
  const { default: prettyStream } = await import("pino-pretty");
  return pino(options, prettyStream({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", sync: true }));
}
