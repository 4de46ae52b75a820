import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { JOB_ACTIONS, JOB_STATES, RESTART_STAGES, STAGES, type Stage } from "../domain/change.ts";
import { ERROR_STATUS } from "../domain/errors.ts";
import { PACKAGE_TYPES } from "../domain/plugin.ts";
import { Breather } from "../lib/event-loop.ts";
import { isObject } from "../lib/objects.ts";
import { isFailure, JOB_ID, type JobResult, type JobView } from "./job.ts";

/** A line of the record of jobs: a job when it begins and when it has ended, and each stage between. */
export type RecordLine = { readonly job: JobView } | { readonly id: string; readonly stage: Stage };

/** The most bytes of a line; a longer result is left out of it. A restart of the engine with a thousand rules has less. */
const MAX_LINE_BYTES = 256 * 1024;

/** The same in UTF-8, in which a character of JSON has three bytes at most. What is longer is not ours. */
const MAX_READ_BYTES = 3 * MAX_LINE_BYTES;

const [LINE_END, BRACE] = Buffer.from("\n{");

const oneOf = <T extends string>(values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)));

/** Made when a record is read: a start has no use for it. */
function lineSchemas() {
  const text = Type.Optional(Type.String());
  const stage = oneOf<Stage>([...STAGES, ...RESTART_STAGES]);
  const id = Type.String({ pattern: JOB_ID.source });
  const report = Type.Object({}, { additionalProperties: Type.Unknown() }); // with `true`, its fields would be cleaned away

  const ResultSchema = Type.Object({
    status: Type.Integer(),
    body: Type.Optional(Type.Union([Type.String(), report])),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    error: Type.Optional(oneOf(Object.keys(ERROR_STATUS))),
    message: text,
  });

  return {
    job: Type.Object({
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
    stage: Type.Object({ id, stage }),
  };
}

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

/**
 * The jobs of a record, in the order in which they came. Lines that are torn, or not ours, are left out. Others are answered
 * meanwhile: whatever is there, and however much of it, is looked at line by line.
 */
export async function readLines(bytes: Buffer): Promise<JobView[]> {
  const schemas = lineSchemas();
  const jobs = new Map<string, JobView>();
  const breather = new Breather();
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    while (bytes[start] === LINE_END) start += 1;
    end = bytes.indexOf("\n", start);
    if (end < 0) end = bytes.length;
    if (bytes[start] !== BRACE || end - start > MAX_READ_BYTES) continue;
    take(parse(bytes.toString("utf8", start, end), schemas), jobs);
    await breather.breathe();
  }
  return [...jobs.values()];
}

function take(line: RecordLine | undefined, jobs: Map<string, JobView>): void {
  if (line === undefined) return;
  if ("job" in line) jobs.set(line.job.id, line.job);
  else {
    const job = jobs.get(line.id);
    if (job !== undefined && job.result === undefined)
      jobs.set(line.id, { ...job, state: "running", stage: line.stage });
  }
}

function parse(json: string, { job, stage }: ReturnType<typeof lineSchemas>): RecordLine | undefined {
  try {
    const line: unknown = JSON.parse(json);
    if (!isObject(line)) return undefined;
    return "job" in line ? (clean(job, line) as RecordLine | undefined) : clean(stage, line);
  } catch {
    return undefined;
  }
}

function clean<T extends TSchema>(schema: T, value: unknown): Static<T> | undefined {
  const cleaned = Value.Clean(schema, value);
  return Value.Check(schema, cleaned) ? cleaned : undefined;
}
