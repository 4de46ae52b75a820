import { setTimeout as delay } from "node:timers/promises";
import { PluginError } from "../../domain/errors.ts";
import { hasCode } from "../../lib/errors.ts";
import { Deadline } from "../../lib/signals.ts";
import type { EngineClient } from "../engine-client.ts";
import { askAbout, type EngineAbout } from "../running-engine.ts";

/** What an answer of the engine says about when its process was started; times in ms since 1970. */
interface Sighting {
  readonly about: EngineAbout;
  /** Up times are whole seconds, so the start is in a span of a second and the time that the answer took. */
  readonly earliest: number;
  readonly latest: number;
}

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function sight(client: EngineClient, signal: AbortSignal): Promise<Sighting> {
  const sent = Date.now();
  const about = await askAbout(client, signal);
  const upMs = about.upTimeSeconds * 1000;
  return { about, earliest: sent - upMs - 1000, latest: Date.now() - upMs };
}

/** Which process answers, if any: `unknown` where that can't be told yet. */
export type Presence = "new" | "old" | "unknown" | "none";

/**
 * Tells an old process of the engine from a new one.
 *
 * @param since when the restart was asked for, in ms since 1970
 */
export class ProcessWatch {
  readonly #client: EngineClient;
  /** A process that was started after this is a new one. */
  readonly #threshold: number;
  readonly #since: number;
  #wasGone = false;
  about: EngineAbout | undefined;

  /** @param before the latest time at which the old process can have been started, if that is known */
  constructor(client: EngineClient, since: number, before?: number) {
    this.#client = client;
    this.#since = since;
    this.#threshold = Math.min(since, before ?? since);
  }

  /** Asks once. @throws the signal's reason */
  async look(signal: AbortSignal): Promise<Presence> {
    try {
      const { about, earliest, latest } = await sight(this.#client, signal);
      this.about = about;
      if (earliest > this.#threshold) return "new";
      if (latest < this.#since) return "old";
      // Started in the very second of the restart: a port that was closed meanwhile, or a while, tells.
      return this.#wasGone || Date.now() - this.#since > UNSURE_MS ? "new" : "unknown";
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PluginError)) throw error;
      if (isRefused(error)) this.#wasGone = true;
      return "none";
    }
  }
}

/** As long as it can take until two processes can be told apart by whole seconds. */
const UNSURE_MS = 2000;
/** Between two looks. */
const POLL_MS = 100;

interface Waiting {
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Gives up as soon as the old process answers: the restart has failed. */
  readonly unlessOld: boolean;
}

/**
 * Waits until a new process answers.
 *
 * @returns `old` where the old one still answers in the end, `none` where nothing does
 * @throws the signal's reason
 */
export async function awaitNewProcess(watch: ProcessWatch, options: Waiting): Promise<"new" | "old" | "none"> {
  const { timeoutSeconds, signal, unlessOld } = options;
  const late = new Error("the time to wait for the engine is over");
  using deadline = new Deadline(signal, timeoutSeconds * 1000, () => late);
  let last: Presence = "none";
  try {
    for (;;) {
      last = await watch.look(deadline.signal);
      if (last === "new" || (last === "old" && unlessOld)) return last;
      await delay(POLL_MS, undefined, { signal: deadline.signal });
    }
  } catch (error) {
    if (signal.aborted || deadline.signal.reason !== late) throw signal.aborted ? signal.reason : error;
    return last === "old" || last === "unknown" ? "old" : "none";
  }
}

function isRefused({ cause }: PluginError): boolean {
  return hasCode((cause as Error | undefined)?.cause, "ECONNREFUSED");
}
