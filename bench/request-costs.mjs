// What a request costs at worst: CPU time and memory per byte that was accepted, and how long others wait meanwhile.
// Prints a Markdown table, that of docs/reliability.md. Linux only: the figures are from /proc.
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { COSTLY } from "./costs/bodies.mjs";
import { createProcesses } from "./processes.mjs";
import { startServer } from "./server.mjs";

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux
const MiB = 1024 * 1024;

const { values: options } = parseArgs({
  options: {
    at: { type: "string", default: "16" },
    times: { type: "string", default: "32" },
    only: { type: "string", default: "" },
  },
});
const at = Number(options.at);

const processes = createProcesses();
const folder = await mkdtemp(join(tmpdir(), "request-costs-"));
try {
  process.stdout.write(`${at} requests at a time\n\n`);
  process.stdout.write(
    "| Request | Answer | CPU ms per MiB | Memory above idle, at most | Per byte in flight | Longest wait of GET /ping |\n|---|---|---|---|---|---|\n",
  );
  for (const costly of COSTLY) {
    if (costly.what.includes(options.only)) process.stdout.write(`${await measure(costly)}\n`);
  }
} finally {
  await processes.stopAll();
  await rm(folder, { recursive: true, force: true });
}

/** A server of its own for each, so that none pays for what another left. */
async function measure({ what, make, times = Number(options.times), replies = 1 }) {
  const pieces = [make()].flat();
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const server = await startServer(processes, join(folder, String(Math.random())));
  const small = [Buffer.from("POST /plugins/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")];
  for (let round = 0; round < 20; round += 1) await exchange(server, small, 1);
  await exchange(server, pieces, replies); // compiles what it needs
  const ping = new Worker(new URL("./costs/ping.mjs", import.meta.url), { workerData: server.url });
  const longestWait = async () => {
    ping.postMessage("");
    return (await once(ping, "message"))[0];
  };
  await longestWait();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await longestWait();
  await writeFile(`/proc/${server.pid}/clear_refs`, "5");
  const before = await usage(server.pid);
  const statuses = new Set();
  let left = times;
  await Promise.all(
    Array.from({ length: Math.min(at, times) }, async () => {
      while (left-- > 0) statuses.add(await exchange(server, pieces, replies));
    }),
  );
  const waited = await longestWait();
  const after = await usage(server.pid);
  await ping.terminate();
  await server.stop();
  const cpu = (after.cpuMs - before.cpuMs) / ((bytes * times) / MiB);
  const memory = after.peak - before.resident;
  const perByte = memory / (bytes * Math.min(at, times));
  return `| ${what} | ${[...statuses].join(", ")} | ${cpu.toFixed(0)} | ${(memory / MiB).toFixed(0)} MiB | ${perByte.toFixed(1)} | ${waited.toFixed(0)} ms |`;
}

/** Sends it on a connection of its own and reads as many replies; a connection that ends counts too. */
async function exchange({ url }, pieces, replies) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1").setNoDelay();
  let status = "closed";
  const done = new Promise((resolve) => {
    let count = 0;
    socket.on("data", (data) => {
      const text = data.toString("latin1");
      status = /HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? status;
      count += text.split("HTTP/1.1 ").length - 1;
      if (count >= replies) resolve();
    });
    socket.on("close", resolve).on("error", resolve);
  });
  const write = async () => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      if (!socket.write(piece)) await Promise.race([once(socket, "drain"), done]).catch(() => {});
      if (piece.length === 1) await new Promise(setImmediate);
    }
  };
  await Promise.all([write(), done]);
  socket.destroy();
  return status;
}

async function usage(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kib = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  const cpuMs = ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  return { cpuMs, resident: kib("VmRSS"), peak: kib("VmHWM") };
}
