import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { RESTART_STAGES, STAGES, type Stage } from "../domain/change.ts";
import { ERROR_STATUS } from "../domain/errors.ts";
import { PACKAGE_TYPES } from "../domain/plugin.ts";
import { isFailure, JOB_ACTIONS, JOB_STATES, type JobResult, type JobView } from "./job.ts";

/** A line of the record of jobs: a job when it begins and when it has ended, and each stage between. */
export type RecordLine = { readonly job: JobView } | { readonly id: string; readonly stage: Stage };

/** The most bytes of a line; a longer result is left out of it. A restart of the engine with a thousand rules has less. */
const MAX_LINE_BYTES = 256 * 1024;

const oneOf = <T extends string>(values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)));
const text = Type.Optional(Type.String());
const stage = oneOf<Stage>([...STAGES, ...RESTART_STAGES]);
const id = Type.String({ pattern: "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$" });

const ResultSchema = Type.Object({
  status: Type.Integer(),
  body: Type.Optional(Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })])),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  error: Type.Optional(oneOf(Object.keys(ERROR_STATUS))),
  message: text,
});

const LineSchema = Type.Union([
  Type.Object({
    job: Type.Object({
      id,
      action: oneOf(JOB_ACTIONS),
      plugin: Type.Optional(Type.Object({ type: oneOf(PACKAGE_TYPES), name: Type.String() })),
      state: oneOf(JOB_STATES),
      stage,
      bytes: Type.Number(),
      totalBytes: Type.Optional(Type.Number()),
      percent: Type.Number(),
      createdAt: Type.String(),
      startedAt: text,
      endedAt: text,
      log: text,
      restart: text,
      result: Type.Optional(ResultSchema),
    }),
  }),
  Type.Object({ id, stage }),
]);

/** One line of JSON, without its end. */
export function toLine(line: RecordLine): string {
  const json = JSON.stringify(line);
  if (json.length <= MAX_LINE_BYTES || !("job" in line) || line.job.result === undefined) return json;
  return JSON.stringify({ job: { ...line.job, result: shortened(line.job.result) } });
}

function shortened(result: JobResult): JobResult {
  const body = "the result was too long to be kept";
  return isFailure(result) ? { ...result, body } : { status: result.status, body };
}

/** The jobs of a record, in the order in which they came. Lines that are torn, or not ours, are left out. */
export function readLines(lines: Iterable<string>): JobView[] {
  const jobs = new Map<string, JobView>();
  for (const json of lines) {
    const line = json === "" ? undefined : parse(json);
    if (line === undefined) continue;
    if ("job" in line) jobs.set(line.job.id, line.job as JobView);
    else {
      const job = jobs.get(line.id);
      if (job !== undefined && job.result === undefined)
        jobs.set(line.id, { ...job, state: "running", stage: line.stage });
    }
  }
  return [...jobs.values()];
}

function parse(json: string): Static<typeof LineSchema> | undefined {
  try {
    const line: unknown = Value.Clean(LineSchema, JSON.parse(json));
    return Value.Check(LineSchema, line) ? line : undefined;
  } catch {
    return undefined;
  }
}
