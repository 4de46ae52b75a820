import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import Fastify from "fastify";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { jobRoutes } from "../../src/http/routes/jobs.ts";
import { Job, type JobReading } from "../../src/jobs/job.ts";
import { Jobs } from "../../src/jobs/jobs.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Clients that go away before their request has come to what it is about. */

test("the events of a job are not begun for a client that has gone while the job was looked for", async () => {
  const log = pino({ level: "silent" });
  let found = () => {};
  class SlowJobs extends Jobs {
    override async find(id: string): Promise<JobReading> {
      await new Promise<void>((resolve) => {
        found = resolve;
        asked();
      });
      return super.find(id);
    }
  }
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const limits = { keep: 100, maxWatchers: 1 };
  const jobs = new SlowJobs({ limits, folder: await tempFolder(), recovered: () => undefined, log });
  let end = () => {};
  const job = new Job({ action: "install" }, async () => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    return { status: 201, body: "is created" };
  });
  jobs.add(job);

  const app = Fastify();
  const answered = new Promise<void>((resolve) => {
    app.addHook("onSend", async () => resolve());
  });
  const closed = new Promise<void>((resolve) => {
    app.addHook("onRequest", async (_, reply) => void reply.raw.once("close", resolve));
  });
  await app.register(jobRoutes, { jobs });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write(`GET /jobs/${job.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
  await isAsked;
  socket.resetAndDestroy();
  await once(socket, "close");
  await closed;

  const watch = vi.spyOn(jobs, "watch");
  found();
  await answered;
  expect(watch).not.toHaveBeenCalled();
  end();
  await app.close();
  await jobs.close();
});
