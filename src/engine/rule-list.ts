import { objectsIn } from "../lib/objects.ts";
import { cutAt } from "../lib/text.ts";

/** A rule in the engine's list of them. */
export interface ListedRule {
  /** Empty where the engine names none. */
  readonly id: string;
  readonly isRunning: boolean;
  /** The engine's own words, such as `Running` or `Stopped: source type random not found`. */
  readonly status: string;
}

const MAX_STATUS = 1000;

/** Reads the answer to `GET /rules`. */
export function listedRules(answer: unknown): ListedRule[] {
  return objectsIn(answer).map(({ id, status }) => {
    const words = typeof status === "string" ? cutAt(status, MAX_STATUS) : "";
    return { id: typeof id === "string" ? id : "", isRunning: /^running\b/i.test(words), status: words };
  });
}
