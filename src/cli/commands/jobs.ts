import { Option } from "commander";
import { followChange } from "../changes/follow-change.ts";
import { Interrupts } from "../changes/interrupts.ts";
import { printEnd } from "../changes/make-change.ts";
import type { AddCommand, CommandContext } from "../command-context.ts";
import { createDisplay } from "../output/change-display.ts";
import type { Colour, Output } from "../output/output.ts";
import { stageWords } from "../output/words.ts";
import { asList } from "../server/answer.ts";
import { asJobView, type JobView, jobWords } from "../server/job-view.ts";

interface JobOptions {
  readonly follow?: boolean;
  readonly cancel?: boolean;
  readonly log?: boolean;
  readonly state?: string;
}

const STATES = ["waiting", "running", "done", "failed", "cancelled", "interrupted"] as const;

/** `jobs`: the changes of this server, and one of them. */
export const addJobs: AddCommand = (program, context) => {
  program
    .command("jobs")
    .description("list the changes that run or ran last, or show one of them")
    .argument("[id]", "the id of a job, to show that one")
    .addOption(new Option("--state <state>", "only those of a state").choices(STATES))
    .option("--follow", "wait for the end of the job, and show what it does")
    .option("--cancel", "end the job and undo its changes, except those of install.sh")
    .option("--log", "print what its install.sh has printed")
    .action((id: string | undefined, options: JobOptions) =>
      id === undefined ? list(context, options) : one(context, id, options),
    );
};

async function list({ connect, output }: CommandContext, { state }: JobOptions): Promise<void> {
  await using client = await connect();
  const jobs = asList(await client.get(`/jobs${state === undefined ? "" : `?state=${state}`}`), "list of jobs").map(
    asJobView,
  );
  output.json(jobs);
  if (jobs.length === 0) return output.note(state === undefined ? "there are no jobs yet" : `no job is ${state}`);
  const rows = jobs.map((job) => [
    job.id,
    jobWords(job),
    job.state,
    progressOf(job),
    job.createdAt ?? "",
    resultOf(job),
  ]);
  output.table(["ID", "CHANGE", "STATE", "STAGE", "SINCE", "RESULT"], rows, (column, row) =>
    column === 2 ? COLOURS[jobs[row]?.state ?? ""] : undefined,
  );
}

const COLOURS: Readonly<Record<string, Colour>> = {
  done: "green",
  failed: "red",
  interrupted: "red",
  running: "yellow",
};

async function one({ connect, output }: CommandContext, id: string, options: JobOptions): Promise<void> {
  await using client = await connect();
  const path = `/jobs/${encodeURIComponent(id)}`;
  if (options.log) {
    const text = await client.text(`${path}/log`);
    return output.document({ log: text }, text);
  }
  if (options.cancel) {
    const { body } = await client.send(path, { method: "DELETE" });
    const cancelled = asJobView(body);
    output.json(cancelled);
    return print(cancelled, output);
  }
  let job = asJobView(await client.get(path));
  if (!options.follow) {
    output.json(job);
    return print(job, output);
  }
  const display = await createDisplay(output);
  using interrupts = new Interrupts(() => display.clear());
  output.note(jobWords(job));
  job = await followChange(job, { client, output, display, interrupts });
  output.json(job);
  await printEnd(job, output);
}

function print(job: JobView, output: Output): void {
  output.line(`${jobWords(job)}: ${job.state}`);
  output.line(`  ${job.result === undefined ? progressOf(job) : resultOf(job)}`);
}

function progressOf(job: JobView): string {
  return job.result === undefined ? `${job.percent ?? 0}% ${stageWords(job)}` : "";
}

/** In one line. */
export function resultOf({ result }: JobView): string {
  if (result === undefined) return "";
  const { message, error, body } = result;
  if (error !== undefined) return message ?? error;
  return typeof body === "string" ? body.trim() : JSON.stringify(body ?? "");
}
