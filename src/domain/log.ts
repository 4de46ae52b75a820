import type { BaseLogger } from "pino";

/** What the rooms below HTTP need of a pino logger. A request's log has its id on every line. */
export type Log = Pick<BaseLogger, "debug" | "info" | "warn" | "error">;
