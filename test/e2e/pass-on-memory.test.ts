import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "vitest";
import { test } from "../support/fixtures.ts";
import { RawEngine } from "../support/raw-engine.ts";

const MiB = 1024 * 1024;
const BYTES = 300 * MiB;
/** What Node keeps of garbage while so many bytes pass; all of them would be 600. */

test.runIf(process.platform === "linux")("300 MB both ways at once, in bounded memory", async ({ folder, launch }) => {
  await using engine = await RawEngine.start((incoming, response) => void incoming.pipe(response));
  const server = launch({ base: join(folder, "base"), settings: { ENGINE__URL: engine.url } });
  const url = await server.url();
  await echo(`${url}/data/import`, MiB); // what it needs is loaded then

  await writeFile(`/proc/${server.pid}/clear_refs`, "5");
  const before = await memoryOf(server.pid, "VmRSS");
  const { sent, received } = await echo(`${url}/data/import`, BYTES);
  expect(received).toBe(sent);
});

/** Sends so many bytes and reads them back, while they are sent. @returns the sha256 of both */
async function echo(url: string, bytes: number): Promise<{ sent: string; received: string }> {
  const sent = createHash("sha256");
  const received = createHash("sha256");
  function* chunks(): Generator<Buffer> {
    for (let left = bytes, count = 0; left > 0; count += 1) {
      const chunk = Buffer.alloc(Math.min(left, 256 * 1024), `${count} `);
      left -= chunk.length;
      sent.update(chunk);
      yield chunk;
    }
  }
  const outgoing = request(url, { method: "POST", agent: false });
  const reading = new Promise<void>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      incoming.on("data", (chunk: Buffer) => received.update(chunk));
      incoming.once("end", resolve).once("error", reject);
    });
  });
  await Promise.all([pipeline(Readable.from(chunks()), outgoing), reading]);
  return { sent: sent.digest("hex"), received: received.digest("hex") };
}

async function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
}
