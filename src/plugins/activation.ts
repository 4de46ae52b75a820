import type { PluginId } from "../domain/plugin.ts";
import type { PluginEntry } from "../domain/plugin-entry.ts";
import type { Log } from "../lib/log.ts";

/** Whether the engine has an installed version by now, or gets it when it starts the next time. */
export interface ActivationOutcome {
  readonly state: "loaded" | "restart-required";
  /** Why a restart is required, in the engine's own words where it has some. */
  readonly reason?: string;
}

/** Makes the engine load a plugin that was just installed, without a restart of it. */
export interface Activation {
  /**
   * Called inside the plugin's place in the queue, so that nothing else changes it meanwhile. Never throws: a failure of
   * the engine's is none of the install, and is the reason why a restart is required.
   */
  activate(id: PluginId, entry: PluginEntry, log: Log): Promise<ActivationOutcome>;
}
