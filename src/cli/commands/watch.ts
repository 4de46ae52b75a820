import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Interrupts } from "../changes/interrupts.ts";
import type { AddCommand } from "../command-context.ts";
import { ServerRefusal, Unreachable } from "../failure.ts";
import type { Output } from "../output/output.ts";
import { stageWords } from "../output/words.ts";
import { asList } from "../server/answer.ts";
import { followJob } from "../server/follow-job.ts";
import { asJobView, hasEnded, type JobView, jobWords } from "../server/job-view.ts";
import type { ServerClient } from "../server/server-client.ts";
import { resultOf } from "./jobs.ts";

/** Between two looks at the list of jobs. */
const LOOK_MS = 1000;

/** `watch`: every change as it happens, until Ctrl-C. */
export const addWatch: AddCommand = (program, { connect, output }) => {
  program
    .command("watch")
    .description("follow all changes as they happen, until Ctrl-C; with --json one line for each that has ended")
    .action(async () => {
      await using client = await connect();
      using interrupts = new Interrupts();
      const stop = new AbortController();
      setMaxListeners(0, stop.signal); // a few for each change, of which dozens can wait; Node warns from eleven on
      void interrupts.next().then(() => stop.abort());
      output.onUnread(() => stop.abort());
      await watch(client, output, stop.signal).catch((error) => {
        if (!stop.signal.aborted) throw error;
      });
    });
};

async function watch(client: ServerClient, output: Output, signal: AbortSignal): Promise<void> {
  const known = new Set((await list(client, signal)).filter(hasEnded).map(({ id }) => id));
  output.note("waiting for changes; Ctrl-C ends this");
  for (let isAway = false; ; ) {
    try {
      for (const job of await list(client, signal)) {
        if (known.has(job.id)) continue;
        known.add(job.id);
        void follow(client, job, output, signal).catch((error) => {
          if (!signal.aborted) output.note(`${jobWords(job)}: ${(error as Error).message}`);
        });
      }
      if (isAway) output.note("the server is back");
      isAway = false;
    } catch (error) {
      if (!(error instanceof Unreachable || (error instanceof ServerRefusal && error.httpStatus === 503))) throw error;
      if (!isAway) output.note(error.message);
      isAway = true;
    }
    await delay(LOOK_MS, undefined, { signal });
  }
}

async function list(client: ServerClient, signal: AbortSignal): Promise<JobView[]> {
  return asList(await client.get("/jobs", signal), "list of jobs")
    .map(asJobView)
    .reverse();
}

async function follow(client: ServerClient, first: JobView, output: Output, signal: AbortSignal): Promise<void> {
  let stage = "";
  for await (const update of followJob(client, first.id, { signal })) {
    if (update.kind === "output") {
      for (const line of update.text.trimEnd().split("\n")) output.line(`${jobWords(first)} | ${line}`);
      continue;
    }
    const { job } = update;
    if (update.kind === "end") {
      output.line(`${jobWords(job)}: ${job.state}: ${resultOf(job)}`);
      output.jsonLine(job);
    } else if (job.stage !== stage) output.line(`${jobWords(job)}: ${stageWords(job)}`);
    stage = job.stage;
  }
}
