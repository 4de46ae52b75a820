import { send } from "./client.ts";
import { asFailure } from "./failure.ts";
import type { Job } from "./shapes.ts";

interface JobWatcher {
  progress(job: Job): void;
  /** What install.sh prints. */
  output(text: string): void;
}

/** The server sends something every 15 s. A server whose power was cut ends no connection: it only falls silent. */
const MAX_SILENCE_MS = 60_000;

/**
 * Follows a job until it has ended. EventSource can't send a token, so the stream is read with fetch.
 *
 * @returns the job as it ended; undefined where the stream broke off: ask for the job, and follow it again
 * @throws ApiFailure where there is no such job; what the signal was aborted with
 */
export async function followJob(id: string, watcher: JobWatcher, signal: AbortSignal): Promise<Job | undefined> {
  const response = await send(`/jobs/${encodeURIComponent(id)}/events`, {
    headers: { accept: "text/event-stream, application/json" },
    signal,
  });
  try {
    for await (const { event, data } of eventsOf(response, signal)) {
      if (event === "output") watcher.output((JSON.parse(data) as { text: string }).text);
      if (event !== "progress" && event !== "end") continue;
      const job = JSON.parse(data) as Job;
      watcher.progress(job);
      if (event === "end") return job;
    }
  } catch {
    if (signal.aborted) throw asFailure(signal.reason);
  }
  return undefined;
}

/** The events of a stream (HTML, 9.2.6), as far as this server uses them. */
async function* eventsOf(response: Response, signal: AbortSignal) {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  const decoder = new TextDecoder();
  let rest = "";
  let silence: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      silence = setTimeout(stop, MAX_SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(silence);
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) yield eventOf(block);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function eventOf(block: string): { readonly event: string; readonly data: string } {
  const field = (name: string) =>
    block
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ""))
      .join("\n");
  return { event: field("event") || "message", data: field("data") };
}
