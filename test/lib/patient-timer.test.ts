import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { PatientTimer } from "../../src/lib/patient-timer.ts";
import { within } from "../../src/lib/within.ts";
import { stall } from "../support/stall.ts";

async function connection(): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const [far] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  return { near, far };
}

describe("after a stall", () => {
  it("what came in the time is taken before the time is over", async () => {
    const { near, far } = await connection();
    const seen: string[] = [];
    const timer = new PatientTimer(50, () => seen.push("over"));
    near.on("data", (data) => {
      seen.push(String(data));
      timer.refresh();
    });
    far.write("data");
    await stall(200);
    await delay(10);
    expect(seen).toEqual(["data"]);
    await expect.poll(() => seen).toEqual(["data", "over"]);
  });

  it("a promise that data fulfils is not given up", async () => {
    const { near, far } = await connection();
    const answer = within(
      once(near, "data").then(([data]) => String(data)),
      50,
      "late",
    );
    far.write("data");
    await stall(200);
    expect(await answer).toBe("data");
  });
});

it("is never over once it is stopped", async () => {
  let isOver = false;
  const timer = new PatientTimer(20, () => {
    isOver = true;
  });
  setImmediate(() => process.nextTick(() => timer.stop()));
  await stall(100);
  await delay(50);
  expect(isOver).toBe(false);
});
