import { type Static, Type } from "@sinclair/typebox";
import { JOB_ACTIONS, JOB_STATES, RESTART_STAGES, STAGES } from "../domain/change.ts";
import { PACKAGE_TYPES } from "../domain/plugin.ts";
import { RestartResult } from "./engine.ts";
import { ErrorCode } from "./errors.ts";
import { byName, count, named, oneOf, text, time } from "./shapes.ts";

export const JobState = oneOf(JOB_STATES, {
  $id: "JobState",
  description: "`interrupted`: the end of the server cut it off",
});
export type JobState = Static<typeof JobState>;

export const JobAction = oneOf(JOB_ACTIONS, {
  $id: "JobAction",
  description: "`restart`: of the engine",
});
export type JobAction = Static<typeof JobAction>;

export const Stage = oneOf([...new Set([...STAGES, ...RESTART_STAGES])], { $id: "Stage" });
export type Stage = Static<typeof Stage>;

export const JobSuccess = named("JobSuccess", {
  status: Type.Integer({ minimum: 200, maximum: 299 }),
  body: Type.Union([Type.String(), RestartResult]),
  headers: Type.Optional(byName(Type.String())),
});
export type JobSuccess = Static<typeof JobSuccess>;

export const JobFailure = named("JobFailure", {
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  error: ErrorCode,
  message: Type.String(),
  body: Type.Optional(text("The engine's own words, for a portable plugin that it refused")),
  headers: Type.Optional(byName(Type.String())),
});
export type JobFailure = Static<typeof JobFailure>;

export const JobView = named(
  "JobView",
  {
    id: Type.String(),
    action: JobAction,
    plugin: Type.Optional(Type.Object({ type: oneOf(PACKAGE_TYPES), name: Type.String() })),
    state: JobState,
    stage: Stage,
    bytes: count("Of the stage so far"),
    totalBytes: Type.Optional(count("Of the whole stage; absent while unknown")),
    percent: Type.Integer({ minimum: 0, maximum: 100, description: "100 when the job is done, and only then" }),
    createdAt: time(),
    startedAt: Type.Optional(time("Absent for a job that never started")),
    endedAt: Type.Optional(time()),
    log: Type.Optional(text("The path of what install.sh printed; absent if it printed nothing")),
    restart: Type.Optional(text("The path of the job of the restart that the change asked for")),
    result: Type.Optional(
      Type.Union([JobSuccess, JobFailure], { description: "What the reply was, or would have been" }),
    ),
  },
  "A change, at one moment",
);
export type JobView = Static<typeof JobView>;

export const JobOutput = named("JobOutput", { text: Type.String() }, "The data of an `output` event of a job");
export type JobOutput = Static<typeof JobOutput>;
