import { expect, it } from "vitest";
import { Activity } from "../../src/metrics/activity.ts";
import { Reader } from "../../src/metrics/reading.ts";

it("a list that could not be read once, such as for want of descriptors, is read at the next scrape", async () => {
  let reads = 0;
  const reader = new Reader({
    activity: new Activity(),
    version: "1.0.0",
    installed: {
      list: async () => {
        reads += 1;
        if (reads === 1) throw new Error("EMFILE");
        return [{ type: "sources", name: "random", verdict: null }];
      },
    },
    queue: { load: { running: 0, waiting: 0, waitingBytes: 0 } },
    jobs: { counts: async () => ({}) },
    engine: undefined,
    connections: async () => 0,
    certificate: undefined,
  });
  await expect(reader.read()).rejects.toThrow("EMFILE");
  for (let scrape = 0; scrape < 2; scrape += 1) expect((await reader.read()).plugins).toHaveLength(1);
  expect(reads).toBe(2);
});
