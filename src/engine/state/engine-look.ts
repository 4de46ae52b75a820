import { Brief } from "../../lib/briefly.ts";
import type { Log } from "../../lib/log.ts";
import type { Questions } from "../questions.ts";
import type { EngineAbout } from "../running-engine.ts";
import type { Agreement } from "./agreement.ts";
import { askListed, type Listed } from "./listed.ts";
import { askRuleStatuses, type RuleStatus } from "./rule-statuses.ts";

/** What the engine says of its plugins and rules at one time. */
export interface Look {
  readonly about: EngineAbout;
  readonly listed: Listed;
  /** Empty where it can't tell. */
  readonly rules: readonly RuleStatus[];
}

interface EngineLookOptions {
  readonly questions: Questions;
  readonly about: () => Promise<EngineAbout>;
  readonly agreement: Agreement;
  readonly log: Log;
}

/** One page of a dashboard asks for several things. */
const FRESH_MS = 1000;

/** Looks at the engine: five calls, however many plugins there are, and at most once a second. */
export class EngineLook {
  readonly #options: EngineLookOptions;
  readonly #look = new Brief(() => this.#take());

  constructor(options: EngineLookOptions) {
    this.#options = options;
  }

  /** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
  take(): Promise<Look> {
    return this.#look.get(FRESH_MS);
  }

  /** The next look is a new one: something has changed. */
  forget(): void {
    this.#look.forget();
  }

  async #take(): Promise<Look> {
    const { questions, about: askAbout, agreement, log } = this.#options;
    return questions.within(async (ask) => {
      const [about, listed, rules] = await Promise.all([
        askAbout(),
        askListed(ask),
        askRuleStatuses(ask).catch((err) => {
          log.debug({ err }, "the engine does not list its rules");
          return [];
        }),
      ]);
      await agreement.reach(about, listed, ask);
      return { about, listed, rules };
    });
  }
}
