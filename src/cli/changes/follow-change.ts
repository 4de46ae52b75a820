import { ServerRefusal } from "../failure.ts";
import type { ChangeDisplay } from "../output/change-display.ts";
import type { Output } from "../output/output.ts";
import { followJob, type JobUpdate } from "../server/follow-job.ts";
import { type JobView, jobWords } from "../server/job-view.ts";
import type { ServerClient } from "../server/server-client.ts";
import { ask } from "./ask.ts";
import { type EndSignal, type Interrupts, interrupted } from "./interrupts.ts";

interface FollowParts {
  readonly client: ServerClient;
  readonly output: Output;
  readonly display: ChangeDisplay;
  readonly interrupts: Interrupts;
}

/**
 * Shows a job up to its end, which is returned. A Ctrl-C on a terminal asks whether the change shall go on; elsewhere it
 * does.
 *
 * @throws CommandFailure with the exit status 130 where it goes on and nobody waits for it
 */
export async function followChange(first: JobView, parts: FollowParts): Promise<JobView> {
  const { client, output, display, interrupts } = parts;
  const stop = new AbortController();
  const updates = followJob(client, first.id, { signal: stop.signal });
  let job = first;
  let next = updates.next();
  let isCancelled = false;
  const take = (update: JobUpdate) => {
    if (update.kind === "output") return display.script(update.text);
    job = update.job;
    display.job(job);
  };
  try {
    display.job(job);
    for (;;) {
      const came = await interrupts.during(next);
      if (typeof came !== "string") {
        if (came.done) return job;
        take(came.value);
        if (came.value.kind === "end") return job;
        next = updates.next();
        continue;
      }
      display.clear(); // an update may have brought it back since the signal came
      if (isCancelled || !output.isInteractive || came !== "SIGINT") throw goesOn(came, job, output, isCancelled);
      const { answer, held, ...after } = await askMeanwhile(job, output, updates, next);
      next = after.next;
      held.forEach(take);
      if (held.at(-1)?.kind === "end") return job;
      if (answer !== false) throw goesOn("SIGINT", job, output);
      isCancelled = true;
      output.note("cancelling: its changes are undone, except those of install.sh");
      void cancel(client, job.id, output);
    }
  } finally {
    display.clear();
    stop.abort();
    next.catch(() => {});
  }
}

/** Asks, and goes on reading: a job that ends meanwhile answers the question itself. */
async function askMeanwhile(
  job: JobView,
  output: Output,
  updates: AsyncGenerator<JobUpdate>,
  pending: Promise<IteratorResult<JobUpdate>>,
) {
  const moot = new AbortController();
  const held: JobUpdate[] = [];
  const question = `The ${jobWords(job)} is in progress. Shall it go on?`;
  const asked = ask(output, question, { initialValue: true, signal: moot.signal }).then((answer) => ({ answer }));
  try {
    for (let next = pending; ; next = updates.next()) {
      const came = await Promise.race([asked, next]);
      if ("answer" in came) return { answer: came.answer, held, next };
      if (came.done) continue; // it ends with an `end`, which returned already
      held.push(came.value);
      if (came.value.kind === "end") return { answer: undefined, held, next: updates.next() };
    }
  } finally {
    moot.abort(); // also where the job can't be followed any more: an open question would keep the process
    await asked;
  }
}

async function cancel(client: ServerClient, id: string, output: Output): Promise<void> {
  try {
    await client.send(`/jobs/${id}`, { method: "DELETE" });
  } catch (error) {
    // That it has ended by itself, or that the server is away, the events tell.
    if (error instanceof ServerRefusal && error.code !== "JOB_ENDED") output.note(error.message);
  }
}

function goesOn(signal: EndSignal, job: JobView, output: Output, isCancelled = false) {
  output.json(job);
  const what = `the ${jobWords(job)} ${isCancelled ? "is being cancelled" : "goes on"}`;
  return interrupted(signal, `${what}; to follow it: kuiper-plugins jobs ${job.id} --follow`);
}
