import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import Fastify from "fastify";
import { pino } from "pino";
import { expect, vi } from "vitest";
import { jobRoutes } from "../../src/http/routes/jobs.ts";
import { Job, type JobReading } from "../../src/jobs/job.ts";
import { Jobs } from "../../src/jobs/jobs.ts";
import { Layout } from "../../src/store/layout.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { ask } from "../support/http-client.ts";
import { RawClients } from "../support/raw-client.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** A client that has gone while its token is checked: what it asked for is done all the same, and nothing is kept for it. */

const pair = makeKeyPair.ES256();
const authorization = `Bearer ${await signToken(pair, {}, "ES256")}`;
const headers = { authorization };

const test = sharedServerTest({ BASIC__AUTHENTICATION: "true", JOBS__MAXWATCHERS: "1" }).extend(
  "askAndGo",
  ({ server }, { onCleanup }) => {
    const clients = new RawClients(() => server.url);
    onCleanup(() => clients.destroy());
    return async (request: string): Promise<void> => {
      const client = clients.open();
      await once(client, "connect");
      client.write(`${request} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`, () =>
        client.resetAndDestroy(),
      );
      await once(client, "close");
    };
  },
);

test.beforeAll(async ({ server }) => {
  await writeKey(join(new Layout(server.base).keysFolder, "dashboard.pub"), pair.publicPem);
});

test("a delete that asks for a restart has one", async ({ server, host, askAndGo }) => {
  const body = { name: "gone", file: host.serveZip({ type: "functions", name: "gone" }) };
  expect((await ask(`${server.url}/plugins/functions`, { method: "POST", headers, body }))[0]).toBe(201);
  await askAndGo("DELETE /plugins/functions/gone?restart=1");
  await expect.poll(() => server.restarts()).toBe(1);
  expect(await ask(`${server.url}/plugins/functions`, { headers })).toEqual([200, "[]"]);
});

test("events of a job take no place", async ({ server, host, gate, askAndGo }) => {
  const file = host.serveZip({ type: "sinks", name: "gated", script: GATED_SCRIPT });
  const body = { name: "gated", file, shellParas: gate.args };
  const installed = ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body });
  await gate.started;
  const [job] = JSON.parse((await ask(`${server.url}/jobs?state=running`, { headers }))[1]);
  await askAndGo(`GET /jobs/${job.id}/events`);
  const followed = expect.poll(async () => (await ask(`${server.url}/jobs/${job.id}/events`, { headers }))[0]);
  const ends = followed.toBe(200);
  gate.release();
  await Promise.all([ends, installed]);
});

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
