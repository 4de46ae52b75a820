import { expectTypeOf, test } from "vitest";
import type * as compatibility from "../../src/contract/compatibility.ts";
import type * as engine from "../../src/contract/engine.ts";
import type { ErrorCode } from "../../src/contract/errors.ts";
import type { InspectionReport } from "../../src/contract/inspection.ts";
import type * as jobs from "../../src/contract/jobs.ts";
import type * as plugins from "../../src/contract/plugins.ts";
import type { JobAction, JobState, Stage } from "../../src/domain/change.ts";
import type { Compatibility } from "../../src/domain/compatibility.ts";
import type { ErrorCode as KnownCode } from "../../src/domain/errors.ts";
import type { EngineReport } from "../../src/engine/engine.ts";
import type { RestartResult } from "../../src/engine/restart/restart-result.ts";
import type { PluginState } from "../../src/engine/state/plugin-state.ts";
import type { UsedBy } from "../../src/engine/usage/plugin-usage.ts";
import type { JobFailure, JobView } from "../../src/jobs/job.ts";
import type { EngineFunctions } from "../../src/plugins/engine-functions.ts";
import type { FunctionDescription } from "../../src/plugins/function-names.ts";
import type * as reports from "../../src/plugins/inspection-report.ts";
import type * as views from "../../src/plugins/plugin-view.ts";

/** What is left of a type in JSON: a member that may be undefined may be absent. */
type Json<T> = T extends readonly (infer E)[]
  ? readonly Json<E>[]
  : T extends object
    ? { readonly [K in keyof T as undefined extends T[K] ? never : K]: Json<T[K]> } & {
        readonly [K in keyof T as undefined extends T[K] ? K : never]?: Json<Exclude<T[K], undefined>>;
      }
    : T;

/** `tsc` checks these: what the server sends is what the contract says that it sends. */
test("the types of replies are those of the contract", () => {
  expectTypeOf<Json<Compatibility>>().toExtend<compatibility.Compatibility>();
  expectTypeOf<Json<EngineFunctions>>().toExtend<compatibility.EngineFunctions>();
  expectTypeOf<Json<views.PluginSummary & Partial<PluginState>>>().toExtend<plugins.PluginSummary>();
  expectTypeOf<
    Json<views.PluginDescription & Partial<PluginState> & { usedBy?: UsedBy | null }>
  >().toExtend<plugins.PluginDescription>();
  expectTypeOf<Json<views.VersionDescription>>().toExtend<plugins.VersionDescription>();
  expectTypeOf<FunctionDescription>().toExtend<plugins.FunctionDescription>();
  expectTypeOf<Json<reports.InstallPreview>>().toExtend<InspectionReport>();
  expectTypeOf<Json<Omit<JobView, "result">>>().toExtend<Omit<jobs.JobView, "result">>();
  expectTypeOf<JobFailure>().toExtend<jobs.JobFailure>();
  expectTypeOf<JobState>().toEqualTypeOf<jobs.JobState>();
  expectTypeOf<JobAction>().toEqualTypeOf<jobs.JobAction>();
  expectTypeOf<Json<EngineReport>>().toExtend<engine.EngineReport>();
  expectTypeOf<Json<RestartResult>>().toExtend<engine.RestartResult>();
  expectTypeOf<Stage>().toEqualTypeOf<jobs.Stage>();
  expectTypeOf<KnownCode>().toEqualTypeOf<ErrorCode>();
});
