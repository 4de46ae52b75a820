import { type Progress, RESTART_STAGES, STAGES, type Stage } from "../domain/change.ts";

/**
 * The share of a stage in the time of a change, roughly and in percent: most of it is a download over a slow line. The same
 * for a restart of the engine, of which an undo is rarely a part.
 */
const WEIGHTS: Readonly<Record<Stage, number>> = {
  waiting: 0,
  download: 60,
  check: 1,
  unpack: 15,
  inspect: 2,
  script: 20,
  commit: 2,
  activate: 0,
  snapshot: 5,
  restart: 15,
  wait: 30,
  settle: 40,
  verify: 10,
  undo: 0,
};

/** The percentage at which each stage begins. */
const STARTS: Readonly<Record<string, number>> = { ...startsOf(STAGES), ...startsOf(RESTART_STAGES) };

function startsOf(stages: readonly Stage[]): Record<string, number> {
  return Object.fromEntries(
    stages.map((stage, index) => [stage, stages.slice(0, index).reduce((sum, before) => sum + WEIGHTS[before], 0)]),
  );
}

/** Only a change that is done has 100. */
const MAX_BEFORE_DONE = 99;

/** How far a change has come. */
interface Reading {
  readonly stage: Stage;
  readonly bytes: number;
  readonly totalBytes?: number;
  readonly percent: number;
}

/** Turns stages and bytes into one percentage, which never falls. */
export class ProgressMeter implements Omit<Progress, "output"> {
  readonly #changed: () => void;
  #stage: Stage = "waiting";
  #bytes = 0;
  #totalBytes: number | undefined;
  #percent = 0;

  /** @param changed called after each step; has to be quick, since a download has thousands of steps */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get current(): Stage {
    return this.#stage;
  }

  read(): Reading {
    const total = this.#totalBytes === undefined ? {} : { totalBytes: this.#totalBytes };
    return { stage: this.#stage, bytes: this.#bytes, ...total, percent: this.#percent };
  }

  stage(stage: Stage): void {
    this.#stage = stage;
    this.bytes(0);
  }

  bytes(done: number, total?: number): void {
    this.#bytes = done;
    this.#totalBytes = total;
    const share = total ? Math.min(1, done / total) : 0;
    const percent = Math.floor((STARTS[this.#stage] ?? 0) + WEIGHTS[this.#stage] * share);
    this.#percent = Math.max(this.#percent, Math.min(MAX_BEFORE_DONE, percent));
    this.#changed();
  }
}
