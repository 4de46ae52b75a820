import { type Progress, STAGES, type Stage } from "../domain/progress.ts";

/** What part of the time a stage takes, in percent and roughly: mostly people wait for a download over a slow line. */
const WEIGHTS: Readonly<Record<Stage, number>> = {
  waiting: 0,
  download: 60,
  check: 1,
  unpack: 15,
  inspect: 2,
  script: 20,
  commit: 2,
};

/** The percentage at which each stage begins. */
const STARTS: Readonly<Record<string, number>> = Object.fromEntries(
  STAGES.map((stage, index) => [stage, STAGES.slice(0, index).reduce((sum, before) => sum + WEIGHTS[before], 0)]),
);

/** A change is not done before it is. */
const MOST_BEFORE_DONE = 99;

/** How far a change has come. */
export interface Reading {
  readonly stage: Stage;
  readonly bytes: number;
  readonly totalBytes?: number;
  readonly percent: number;
}

/** Makes one percentage, which never falls, of stages and bytes. */
export class ProgressMeter implements Progress {
  readonly #changed: () => void;
  #stage: Stage = "waiting";
  #bytes = 0;
  #totalBytes: number | undefined;
  #percent = 0;

  /** `changed` is called after each step. A download makes thousands of them, so it has to be quick. */
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
    this.#percent = Math.max(this.#percent, Math.min(MOST_BEFORE_DONE, percent));
    this.#changed();
  }
}
