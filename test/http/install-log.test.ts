import { describe, expect } from "vitest";
import type { JobView } from "../../src/jobs/job.ts";
import { follow } from "../support/event-client.ts";
import { serverTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { GATED_SCRIPT } from "../support/script-gate.ts";

const test = serverTest()
  .extend("at", ({ server }) => (path = "") => {
    return `${server.url}/plugins/sinks${path}`;
  })
  .extend("zip", ({ host }) => (version: string, script?: string) => {
    const contents = { type: "sinks", name: "scripted", version, ...(script !== undefined && { script }) } as const;
    return host.serve(`/${version}/scripted.zip`, pluginZip(contents));
  })
  /** Installs or updates, and gives the job. */
  .extend("put", ({ server, at }) => async (file: string, method = "POST", shellParas?: readonly string[]) => {
    const url = method === "PUT" ? at("/scripted") : at();
    const { headers } = await send(url, { method, body: { name: "scripted", file, shellParas } });
    return JSON.parse((await send(`${server.url}${headers.job}`)).text) as JobView;
  });

const TEXT = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };

describe("what install.sh prints", () => {
  test("is at its job and with the installed version, as text", async ({ server, zip, put, at }) => {
    const job = await put(zip("1.0.0", "echo one; echo two >&2"));
    expect(job.log).toBe(`/jobs/${job.id}/log`);
    expect(JSON.parse((await send(at("/scripted"))).text).log).toBe("/plugins/sinks/scripted/log");
    for (const url of [`${server.url}${job.log}`, at("/scripted/log")]) {
      const { status, text, headers } = await send(url);
      expect([status, text, headers]).toEqual([200, "one\ntwo\n", expect.objectContaining(TEXT)]);
    }
  });

  test("has nothing for a terminal or a browser in it, and ends in whole letters", async ({ server, zip, put }) => {
    const script = [
      'printf "\\033[31mred\\033[0m \\033]0;title\\007<b>\\b\\n"',
      'printf "1%%\\r2%%\\r\\nü\\377"',
      "i=0; while [ $i -lt 3000 ]; do printf 'ünïcödé 0123456789 %s\\n' $i; i=$((i+1)); done",
    ].join("\n");
    const job = await put(zip("1.0.0", script));
    const { text } = await send(`${server.url}${job.log}`);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(Buffer.byteLength(text)).toBeGreaterThan(63 * 1024);
    expect(text).toMatch(/^[^\n�]*\n(ünïcödé 0123456789 \d+\n)+$/);
    expect(text.endsWith("ünïcödé 0123456789 2999\n")).toBe(true);
    const short = await put(zip("2.0.0", script.split("\n").slice(0, 2).join("\n")), "PUT");
    expect((await send(`${server.url}${short.log}`)).text).toBe("red <b>\\u0008\n1%\n2%\nü�");
  });

  test("of one that fails is at its job alone", async ({ server, zip, put, at }) => {
    const job = await put(zip("1.0.0", "echo before; exit 3"));
    expect(job.state).toBe("failed");
    expect(await ask(`${server.url}${job.log}`)).toEqual([200, "before\n"]);
    expect((await send(at("/scripted/log"))).status).toBe(404);
  });

  test("is not there where there is no install.sh, or a silent one", async ({ server, zip, put, at }) => {
    for (const [version, script, method] of [
      ["1.0.0", undefined, "POST"],
      ["2.0.0", "exit 0", "PUT"],
    ] as const) {
      const job = await put(zip(version, script), method);
      expect([job.state, job.log]).toEqual(["done", undefined]);
      expect(JSON.parse((await send(at("/scripted"))).text).log).toBeUndefined();
      const answers = [await send(`${server.url}/jobs/${job.id}/log`, { headers: { accept: "application/json" } })];
      answers.push(await send(at("/scripted/log"), { headers: { accept: "application/json" } }));
      expect(answers.map(({ status, text }) => [status, JSON.parse(text).error])).toEqual(
        Array(2).fill([404, "LOG_NOT_FOUND"]),
      );
    }
    expect(await ask(at("/none/log"))).toEqual([404, "describe sinks plugin none error: not found\n"]);
  });

  test("goes with its version, and comes back with it", async ({ server, zip, put, at }) => {
    const first = await put(zip("1.0.0", "echo first"));
    const second = await put(zip("2.0.0", "echo second"), "PUT");
    const log = () => ask(at("/scripted/log"));
    expect(await log()).toEqual([200, "second\n"]);
    expect((await post(at("/scripted/rollback"), undefined))[0]).toBe(200);
    expect(await log()).toEqual([200, "first\n"]);
    await server.start();
    expect(await log()).toEqual([200, "first\n"]);
    expect((await post(at("/scripted/rollback"), undefined))[0]).toBe(200);
    expect(await log()).toEqual([200, "second\n"]);
    expect((await send(at("/scripted/versions"))).text).not.toContain("installLog");
    for (const job of [first, second]) expect((await send(`${server.url}${job.log}`)).status).toBe(200);
    expect((await send(at("/scripted"), { method: "DELETE" })).status).toBe(200);
    expect((await log())[0]).toBe(404);
    expect((await server.files()).filter((path) => path.startsWith("plugins/.versions/"))).toEqual([
      "plugins/.versions/",
    ]);
  });

  test("is told as it is printed, to who comes late, too, and is there before the end", async ({
    server,
    zip,
    at,
    gate,
  }) => {
    const script = `printf 'half a '\n${GATED_SCRIPT}\necho line`;
    const body = { name: "scripted", file: zip("1.0.0", script), shellParas: gate.args };
    const answer = await send(at(), { method: "POST", body, headers: { prefer: "respond-async" } });
    const url = server.url + answer.headers.location;
    await gate.started;
    const clients = [await follow(`${url}/events`), await follow(`${url}/events`)];
    for (const { next } of clients) {
      let event = await next();
      while (event?.event !== "output") event = await next();
      expect(event.data).toBe('{"text":"half a "}');
    }
    expect(await ask(`${url}/log`)).toEqual([200, "half a "]);
    gate.release();
    for (const { rest } of clients) {
      const events = (await rest()).filter(({ event }) => event !== "progress");
      expect(events.map(({ event }) => event).at(-1)).toBe("end");
      expect(
        events
          .slice(0, -1)
          .map(({ data }) => JSON.parse(data).text)
          .join(""),
      ).toBe("line\n");
    }
    const late = await (await follow(`${url}/events`)).rest();
    expect(late.map(({ event, data }) => [event, event === "output" && JSON.parse(data).text])).toEqual([
      ["output", "half a line\n"],
      ["end", false],
    ]);
  });

  test("without end costs a client that reads nothing its part, and not the end", async ({ server, zip, at }) => {
    const script = "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last";
    const body = { name: "scripted", file: zip("1.0.0", script) };
    const answer = await send(at(), { method: "POST", body, headers: { prefer: "respond-async" } });
    const url = server.url + answer.headers.location;
    const slow = await follow(`${url}/events`);
    slow.response.pause();
    await (await follow(`${url}/events`)).rest();
    const events = await slow.rest();
    expect(events.at(-1)?.event).toBe("end");
    const text = events.flatMap(({ event, data }) => (event === "output" ? [JSON.parse(data).text] : [])).join("");
    expect(text).toMatch(/\[\d+ bytes are left out here\]/);
    expect(text.endsWith("x\nlast\n")).toBe(true);
  });
});
