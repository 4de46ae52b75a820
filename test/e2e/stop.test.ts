import { connect } from "node:net";
import { describe, expect } from "vitest";
import { processTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

/** How the process ends: by a delete, by a signal, at the limit, all at once; and that nothing is left behind. */

const test = processTest
  .extend("base", ({ server }) => server.base)
  .extend("sinks", ({ server }) => (name = "") => {
    return `${server.url}/plugins/sinks${name && `/${name}`}`;
  })
  .extend("install", ({ sinks, host }) => async (name: string): Promise<void> => {
    expect(await post(sinks(), { name, file: host.serveZip({ type: "sinks", name }) })).toEqual(created(name));
  })
  /** Two installs that hang: one in its download, one in its script. */
  .extend(
    "hangingInstalls",
    ({ host, sinks, gate }) =>
      async (): Promise<{ answers: Promise<[number, string]>[]; release: () => void }> => {
        const held = host.holdZip({ type: "sinks", name: "downloading", json: "{}" });
        const file = host.serveZip({ type: "sinks", name: "scripted", json: "{}", script: GATED_SCRIPT });
        const answers = [
          post(sinks(), { name: "downloading", file: held.url }),
          post(sinks(), { name: "scripted", file, shellParas: gate.args }),
        ];
        for (const answer of answers) answer.catch(() => {}); // a test that kills the server expects no answer
        await Promise.all([held.asked, gate.started]);
        const release = () => {
          held.release();
          gate.release();
        };
        return { answers, release };
      },
  )
  .extend("stopping", ({ server }) => () => {
    return server.process.output(/"msg":"stopping: /);
  });

test.beforeEach(async ({ server }) => {
  await server.start();
});

const created = (name: string) => [201, `sinks plugin ${name} is created`];

test("the requests after a delete that stops the server are answered, for as long as changes.stopDelaySeconds", async ({
  install,
  sinks,
  server,
}) => {
  await server.start({ settings: { CHANGES__STOPDELAYSECONDS: "3600" } });
  await install("random");
  expect((await ask(`${sinks("random")}?stop=1`, { method: "DELETE" }))[0]).toBe(200);
  await server.process.output(/"msg":"a delete asked for a restart"/);
  expect(await ask(sinks())).toEqual([200, "[]"]);
  await install("other");
  server.process.kill("SIGTERM"); // does not wait for it
  expect(await server.process.exited).toEqual({ code: 0, signal: null });
});

describe.each(["restart", "stop"])("a delete with ?%s=1", (parameter) => {
  test("is answered in full, then the process ends with 100", async ({ install, sinks, server }) => {
    await install("random");
    const { status, headers, text } = await send(`${sinks("random")}?${parameter}=1`, { method: "DELETE" });
    expect([status, text]).toEqual([200, "sinks plugin random is deleted and Kuiper will be stopped"]);
    expect(headers["content-length"]).toBe(String(text.length));
    expect(await server.process.exited).toEqual({ code: 100, signal: null });
    expect(server.process.stderr).toBe("");

    await server.start();
    expect(await ask(sinks())).toEqual([200, "[]"]);
    await install("random"); // the mark is gone
  });

  test("lets running installs finish first, and answers reads meanwhile", async ({
    install,
    hangingInstalls,
    sinks,
    stopping,
    host,
    server,
  }) => {
    await install("random");
    const { answers, release } = await hangingInstalls();
    expect((await ask(`${sinks("random")}?${parameter}=1`, { method: "DELETE" }))[0]).toBe(200);
    await stopping();
    expect(await ask(sinks())).toEqual([200, "[]"]);
    const late = await send(sinks(), { method: "POST", body: { name: "late", file: host.url("/sinks/random.zip") } });
    expect([late.status, late.headers["retry-after"]]).toEqual([503, "5"]);
    release();
    expect(await Promise.all(answers)).toEqual([created("downloading"), created("scripted")]);
    expect(await server.process.exited).toEqual({ code: 100, signal: null });

    await server.start();
    expect(await ask(sinks())).toEqual([200, '["downloading","scripted"]']);
  });
});

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("ends an idle server with 0", async ({ server }) => {
    server.process.kill(signal);
    expect(await server.process.exited).toEqual({ code: 0, signal: null });
    expect(server.process.log.at(-1)).toMatchObject({ msg: "stopped", exitCode: 0 });
    expect(server.process.stderr).toBe("");
  });

  test("during installs waits for them", async ({ hangingInstalls, server, stopping }) => {
    const { answers, release } = await hangingInstalls();
    server.process.kill(signal);
    await stopping();
    expect((await ask(`${server.url}/ping`))[0]).toBe(200);
    release();
    expect(await Promise.all(answers)).toEqual([created("downloading"), created("scripted")]);
    expect(await server.process.exited).toEqual({ code: 0, signal: null });
  });

  test("ends an inspection, which changes nothing, at once", async ({ host, sinks, server }) => {
    const held = host.holdZip({ type: "sinks", name: "inspected" });
    const answer = post(`${sinks()}/inspect`, { name: "inspected", file: held.url });
    await held.asked;
    server.process.kill(signal);
    expect(await answer).toEqual([503, expect.stringContaining("the server is shutting down")]);
    expect(await server.process.exited).toEqual({ code: 0, signal: null });
  });

  test("a second time undoes them at once", async ({ base, hangingInstalls, server, stopping }) => {
    const before = await snapshot(base);
    const { answers } = await hangingInstalls();
    server.process.kill(signal);
    await stopping();
    server.process.kill(signal);
    for (const [status, text] of await Promise.all(answers)) {
      expect([status, text]).toEqual([503, expect.stringContaining("the server is shutting down")]);
    }
    expect(await server.process.exited).toEqual({ code: 0, signal: null });
    expect(await snapshot(base)).toEqual(before);
  });
});

describe("at the limit of a shutdown, running installs are undone", () => {
  test.beforeEach(async ({ server }) => {
    await server.start({ settings: { CHANGES__SHUTDOWNTIMEOUTSECONDS: "0.2" } });
  });

  test("by SIGTERM, which ends with 0", async ({ base, hangingInstalls, server }) => {
    const before = await snapshot(base);
    const { answers } = await hangingInstalls();
    server.process.kill("SIGTERM");
    expect((await Promise.all(answers)).map(([status]) => status)).toEqual([503, 503]);
    expect(await server.process.exited).toEqual({ code: 0, signal: null });
    expect(await snapshot(base)).toEqual(before);
  });

  test("by a delete with restart=1, which still ends with 100", async ({
    install,
    hangingInstalls,
    sinks,
    server,
    base,
  }) => {
    await install("random");
    const { answers } = await hangingInstalls();
    expect((await ask(`${sinks("random")}?restart=1`, { method: "DELETE" }))[0]).toBe(200);
    expect((await Promise.all(answers)).map(([status]) => status)).toEqual([503, 503]);
    expect(await server.process.exited).toEqual({ code: 100, signal: null });
    expect(
      Object.keys(await snapshot(base)).filter((path) => /random|downloading|scripted|\.changes/i.test(path)),
    ).toEqual([]);
  });
});

test("a client that stays connected does not keep the process up", async ({ server }) => {
  const [idle, halfway] = [0, 1].map(() => connect(Number(new URL(server.url).port), "127.0.0.1"));
  const sockets = [idle, halfway].flatMap((socket) => socket ?? []);
  for (const socket of sockets) socket.on("error", () => {});
  idle?.write("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
  halfway?.write("POST /plugins/sinks HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
  await new Promise((resolve) => idle?.once("data", resolve));
  server.process.kill("SIGTERM");
  expect(await server.process.exited).toEqual({ code: 0, signal: null });
  for (const socket of sockets) socket.destroy();
});

test("kill -9 in the middle of installs leaves nothing that another start does not clear", async ({
  install,
  base,
  hangingInstalls,
  server,
  gate,
  sinks,
}) => {
  await install("present");
  const before = await snapshot(base);
  await hangingInstalls();
  expect(Object.keys(await snapshot(base)).length).toBeGreaterThan(Object.keys(before).length);
  server.process.kill("SIGKILL");
  expect(await server.process.exited).toEqual({ code: null, signal: "SIGKILL" });
  gate.release();

  await server.start();
  expect(await snapshot(base)).toEqual(before);
  expect(await ask(sinks())).toEqual([200, '["present"]']);
  for (const name of ["downloading", "scripted"]) await install(name);
});
