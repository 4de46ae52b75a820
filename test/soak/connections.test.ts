import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ask } from "../support/http-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Thousands of connections at once. Each needs a descriptor in this process: `ulimit -n` must allow them. */
const CONNECTIONS = Number(process.env.SOAK_CONNECTIONS ?? 10_000);

/** What is beyond http.maxConnections, and what the process has open besides. */
const OTHER_DESCRIPTORS = 64 + 100;
const MAX_GROWTH_MB = 150;

const PING = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

test.for<[what: string, begin: string]>([
  ["that send nothing", ""],
  ["that are kept alive", PING],
  ["with half a head", "GET /ping HTTP/1.1\r\nX-Half: "],
  ["with half a body", "POST /plugins/sinks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"],
  ["with ten requests whose replies nobody reads", PING.repeat(10)],
])(`${CONNECTIONS} connections at once %s lock nobody out`, async ([_, begin]) => {
  const base = join(await tempFolder(), "base");
  const server = await ServerProcess.start({ base });
  onTestFinished(() => server.dispose());
  const url = await server.url();
  await ask(`${url}/plugins/sinks`);
  const before = await memoryMb(server.pid);

  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const opened = Array.from({ length: CONNECTIONS }, (_, index) => {
    // Many clients, so that the limit for one address is not what holds.
    const localAddress = `127.0.${1 + (index % 50)}.1`;
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", localAddress });
    socket.on("error", () => {}).pause();
    socket.write(begin);
    sockets.push(socket);
    return Promise.race(["connect", "close"].map((event) => once(socket, event).catch(() => {})));
  });
  // While they come, and when all are there.
  let answered = 0;
  let areComing = true;
  const isOpen = Promise.all(opened).then(() => {
    areComing = false;
    return true;
  });
  while (!(await Promise.race([isOpen, tryToAsk(url, () => areComing)]))) answered += 1;
  for (let round = 0; round < 20; round += 1) expect(await tryToAsk(url)).toBe(false);
  expect(await ask(`${url}/ping`)).toEqual([200, ""]);

  const descriptors = (await readdir(`/proc/${server.pid}/fd`)).length;
  const growth = (await memoryMb(server.pid)) - before;
  console.log(`${answered} reads answered meanwhile, ${descriptors} descriptors, memory grew by ${growth} MB`);
  expect(descriptors).toBeLessThan(1024 + OTHER_DESCRIPTORS);
  expect(growth).toBeLessThan(MAX_GROWTH_MB);

  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await readdir(`/proc/${server.pid}/fd`)).length).toBeLessThan(OTHER_DESCRIPTORS);
});

/** A bound for what hangs: the server lets whom it waits for be for two seconds, and fast clients fail often in these. */
const ANSWER_LIMIT_MS = 30_000;

/**
 * One read by a client that tries again when its connection was ended, as any does.
 *
 * @param isCrowded whether others push in at that moment, as fast as they can: that time does not count
 * @returns false
 */
async function tryToAsk(url: string, isCrowded = () => false): Promise<false> {
  for (let since = performance.now(); ; ) {
    const [status] = await ask(`${url}/plugins/sinks`).catch((): [number, string] => [0, ""]);
    if (status === 200) return false;
    if (isCrowded()) since = performance.now();
    else if (performance.now() - since > ANSWER_LIMIT_MS) throw new Error("nobody was answered");
  }
}

async function memoryMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}
