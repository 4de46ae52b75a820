import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { STAGES } from "../../src/domain/change.ts";
import { ProgressMeter } from "../../src/jobs/progress-meter.ts";

function meter() {
  let steps = 0;
  const progress = new ProgressMeter(() => {
    steps += 1;
  });
  return { progress, steps: () => steps };
}

it("begins waiting, with nothing done", () => {
  expect(meter().progress.read()).toEqual({ stage: "waiting", bytes: 0, percent: 0 });
});

it("goes up with each stage, and with the bytes of one", () => {
  const { progress, steps } = meter();
  const percents = [];
  for (const stage of STAGES) {
    progress.stage(stage);
    percents.push(progress.read().percent);
    progress.bytes(50, 100);
    percents.push(progress.read().percent);
  }
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
  expect(new Set(percents).size).toBeGreaterThan(STAGES.length);
  expect(steps()).toBe(2 * STAGES.length);
});

describe("the bytes", () => {
  it("are those of the stage, with the total where it is known", () => {
    const { progress } = meter();
    progress.stage("download");
    progress.bytes(10);
    expect(progress.read()).toEqual({ stage: "download", bytes: 10, percent: 0 });
    progress.bytes(20, 80);
    expect(progress.read()).toEqual({ stage: "download", bytes: 20, totalBytes: 80, percent: 15 });
    progress.stage("check");
    expect(progress.read()).toEqual({ stage: "check", bytes: 0, percent: 60 });
  });

  it("fall back to 0 when a download starts again; the percentage does not", () => {
    const { progress } = meter();
    progress.stage("download");
    progress.bytes(80, 80);
    progress.bytes(0, 80);
    expect(progress.read()).toEqual({ stage: "download", bytes: 0, totalBytes: 80, percent: 60 });
  });

  it.each([
    ["more than announced", 900, 80, 60],
    ["of nothing", 0, 0, 0],
    ["after an announcement of nothing", 10, 0, 0],
  ])("%s are no more than the stage", (_, done, total, percent) => {
    const { progress } = meter();
    progress.stage("download");
    progress.bytes(done, total);
    expect(progress.read().percent).toBe(percent);
  });

  it("of the last stage do not make it 100", () => {
    const { progress } = meter();
    progress.stage("commit");
    progress.bytes(10, 10);
    expect(progress.read().percent).toBe(99);
  });
});

it("is from 0 to 99 and never falls, whatever comes in whatever order", () => {
  const step = fc.oneof(
    fc.constantFrom(...STAGES).map((stage) => ({ stage })),
    fc.record({ done: fc.nat(), total: fc.option(fc.nat(), { nil: undefined }) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { progress } = meter();
      let last = 0;
      for (const next of steps) {
        if ("stage" in next) progress.stage(next.stage);
        else progress.bytes(next.done, next.total);
        const { percent } = progress.read();
        expect(Number.isInteger(percent) && percent >= last && percent <= 99).toBe(true);
        last = percent;
      }
    }),
  );
});
