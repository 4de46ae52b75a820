import type { JobState } from "../domain/change.ts";
import { ERROR_STATUS } from "../domain/errors.ts";
import { pluginKey } from "../domain/plugin.ts";
import type { JobReading, JobResult, JobSubject, JobView } from "./job.ts";

/** A job of an earlier process. Nothing happens to it any more. */
export class PastJob implements JobReading {
  readonly #view: JobView;
  readonly revision = -1;
  readonly output = undefined;

  constructor(view: JobView) {
    this.#view = view;
  }

  get id(): string {
    return this.#view.id;
  }

  get subject(): JobSubject {
    return this.#view;
  }

  get state(): JobState {
    return this.#view.state;
  }

  get stage(): JobView["stage"] {
    return this.#view.stage;
  }

  get result(): JobResult | undefined {
    return this.#view.result;
  }

  view(): JobView {
    return this.#view;
  }

  watch(): () => void {
    return () => {};
  }
}

/** What became of a change; undefined where nobody knows. */
export type Recovered = "finished" | "undone" | undefined;

/** The end of a job of which no end was recorded: that of its process cut it off. */
export function interrupted(view: JobView, recovered: Recovered): JobView {
  const { action, plugin, stage } = view;
  const during = `the server ended during the ${action}`;
  const message = plugin === undefined ? `${during} of the engine: see GET /jobs for the one that goes on with it` : "";
  const error = "INTERRUPTED";
  const result = { status: ERROR_STATUS[error], error, message: message || `${during}, ${outcome()}` } as const;
  return { ...view, state: "interrupted", result };

  function outcome(): string {
    if (recovered === "finished") return "which is finished all the same";
    const script = stage === "script" || stage === "commit" ? ", but for what its install.sh did to the system" : "";
    const before = `everything is as before${action === "install" || action === "update" ? script : ""}`;
    if (recovered === "undone") return `which was undone when it started again: ${before}; try again`;
    const path = plugin?.type === "portables" ? "/plugins/portables" : `/plugins/${plugin && pluginKey(plugin)}`;
    return `so ${before}, or it is finished: GET ${path} says which`;
  }
}
