import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { Unreachable } from "../../../src/cli/failure.ts";
import { followJob, type JobUpdate } from "../../../src/cli/server/follow-job.ts";
import type { ServerClient } from "../../../src/cli/server/server-client.ts";

const DONE = { id: "1", action: "install", state: "done", stage: "commit", result: { status: 201, body: "created" } };

/** A server whose events break off after a silence, and that then refuses so many requests. */
function client(silenceMs: number, refusals: number): ServerClient {
  let left = refusals;
  return {
    // biome-ignore lint/correctness/useYield: it breaks off before the first event
    async *stream() {
      await delay(silenceMs);
      silenceMs = 0;
      throw new Unreachable("the connection was lost");
    },
    async get() {
      left -= 1;
      if (left >= 0) throw new Unreachable("the connection was lost");
      return DONE;
    },
  } as unknown as ServerClient;
}

async function follow(server: ServerClient): Promise<JobUpdate[]> {
  const { signal } = new AbortController();
  const updates: JobUpdate[] = [];
  for await (const update of followJob(server, "1", { signal, retryMs: 1, patienceMs: 200 })) updates.push(update);
  return updates;
}

it("a silence before, of a long install.sh or of a command that was stopped, leaves a server its time to come back", async () => {
  expect(await follow(client(300, 1))).toEqual([{ kind: "end", job: DONE }]);
});

it("a server that stays away is given up", async () => {
  await expect(follow(client(0, 1_000_000))).rejects.toThrow(
    /^the connection was lost; whether the change was made is not/,
  );
});
