import { PluginError } from "../../domain/errors.ts";
import type { PluginId } from "../../domain/plugin.ts";
import { enumerate, printable } from "../../lib/text.ts";
import { within } from "../../lib/within.ts";

/** Knows which rules use a plugin. */
type AskRules = (id: PluginId) => Promise<readonly string[]>;

interface UseGuardOptions {
  readonly rulesOf: AskRules;
  readonly isInstalled: (id: PluginId) => boolean;
  /** `engine.protectUsed` */
  readonly protects: boolean;
}

/** How long the reply to a change that is done waits to learn which rules use the plugin. */
const PATIENCE_MS = 1000;
/** How many rules a refusal names. */
const MAX_NAMED = 20;

/** One change of a plugin that rules may use. */
export interface ChangeOfUsed {
  /**
   * To be awaited before the change.
   *
   * @throws PluginError PLUGIN_IN_USE with the rules, or ENGINE_UNREACHABLE or ENGINE_REFUSED, where used plugins are
   *   protected
   */
  permit(): Promise<void>;
  /** The rules that use the plugin, once the change is done; none where that is not known soon. Never throws. */
  rules(): Promise<readonly string[]>;
}

/** Says of a change which rules use the plugin, and refuses it where used plugins are protected. */
export class UseGuard {
  readonly #options: UseGuardOptions;

  constructor(options: UseGuardOptions) {
    this.#options = options;
  }

  /** @param isForced whether the client knows that rules use it, or accepts it */
  change(id: PluginId, isForced: boolean): ChangeOfUsed {
    const { rulesOf, isInstalled, protects } = this.#options;
    let asked: Promise<readonly string[]> = Promise.resolve([]);
    return {
      permit: async () => {
        if (!isInstalled(id)) return; // refused for that, in words of its own
        asked = rulesOf(id);
        asked.catch(() => {}); // the reply may never ask for it
        if (!protects || isForced) return;
        const rules = await asked.catch(refuseUnknown);
        if (rules.length > 0) throw inUse(rules);
      },
      rules: () => within(asked, PATIENCE_MS, []).catch(() => []),
    };
  }
}

function inUse(rules: readonly string[]): PluginError {
  const named = enumerate(rules.map(printable), MAX_NAMED);
  const [what, use] = rules.length === 1 ? ["rule", "uses"] : ["rules", "use"];
  const remedy = "change these first, or repeat the request with ?force=1";
  return new PluginError("PLUGIN_IN_USE", `${what} ${named} ${use} it, and engine.protectUsed is set; ${remedy}`);
}

/** An engine that is down tells nothing of its rules, which run again as soon as it does. */
function refuseUnknown(error: unknown): never {
  if (!(error instanceof PluginError)) throw error;
  const why = "which rules use it can't be found out, and engine.protectUsed is set; ?force=1 does it all the same";
  throw new PluginError(error.code, `${why}: ${error.message}`, { cause: error });
}
