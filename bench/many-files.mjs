// How long packages of very many files take, and how long a read waits meanwhile. Prints a Markdown table, that of
// docs/reliability.md. `--dist` measures another build.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import yazl from "yazl";
import { createProcesses } from "./processes.mjs";
import { plainEnvironment, remove, rollback } from "./server.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "many,deep,wide,small" },
    dist: { type: "string", default: new URL("../dist/main.js", import.meta.url).pathname },
  },
});
const wanted = options.only.split(",");
const LISTENING = /Server listening at (http:[^"\s]+)/;
const FILES = 9_990;
const DEEP = `${"d/".repeat(60)}`;

/** What is measured, each on what the ones before it left. */
const GROUPS = {
  async many(server) {
    const [one, two] = await Promise.all(
      ["1.0.0", "2.0.0"].map((version) => zip("many", version, (index) => `etc/f${index}.json`)),
    );
    await measure(server, `install of ${FILES} files`, () => send(server, "POST", "many", one));
    await measure(server, "update of all of them", () => send(server, "PUT", "many", two));
    await measure(server, "rollback of all of them", () => rollback(server, "functions", "many"));
    await measure(server, "delete of all of them", () => remove(server, "functions", "many"));
  },
  async deep(server) {
    const flat = await zip("flat", "1.0.0", (index) => `${DEEP}f${index}`);
    await measure(server, `install of ${FILES} entries 61 levels deep, none needed`, () =>
      send(server, "POST", "flat", flat),
    );
    const apart = await zip("apart", "1.0.0", (index) => `${index}/${DEEP.slice(2)}f`);
    await measure(server, `${FILES} entries in 599,400 folders`, () =>
      send(server, "POST", "apart", apart).catch((error) => process.stderr.write(`${error.message}\n`)),
    );
    const deep = await zip("deep", "1.0.0", (index) => `etc/${DEEP.slice(4)}f${index}`);
    await measure(server, `install of ${FILES} files 61 levels deep`, () => send(server, "POST", "deep", deep));
    await measure(server, "delete of all of them", () => remove(server, "functions", "deep"));
  },
  async wide(server) {
    const wide = await zip("wide", "1.0.0", (index) => `etc/d${index}/f`);
    await measure(server, `install of ${FILES} files in as many folders`, () => send(server, "POST", "wide", wide));
  },
  async small(server) {
    for (const name of ["small", "little"]) {
      const file = await zip(name, "1.0.0", (index) => `etc/f${index}`, 3);
      await measure(server, "install of 4 files", () => send(server, "POST", name, file));
    }
  },
};

const processes = createProcesses();
const folder = await mkdtemp(join(tmpdir(), "many-files-"));
try {
  process.stdout.write("| Change | Time | Longest wait of GET /ping |\n|---|---|---|\n");
  const env = { ...plainEnvironment(), KuiperBaseKey: join(folder, "base"), KUIPER__BASIC__RESTPORT: "0" };
  const server = await processes.serve([options.dist], { env, listening: LISTENING });
  for (const [name, group] of Object.entries(GROUPS)) if (wanted.includes(name)) await group(server);
  await server.stop();
} finally {
  await processes.stopAll();
  await rm(folder, { recursive: true, force: true });
}

async function zip(name, version, toPath, files = FILES) {
  const path = join(folder, `${name}-${version}.zip`);
  const writer = new yazl.ZipFile();
  writer.addBuffer(Buffer.from(`${name} ${version}`), `${name[0].toUpperCase()}${name.slice(1)}@v${version}.so`);
  for (let index = 0; index < files; index += 1) {
    writer.addBuffer(Buffer.from(`${name} ${version} ${index}`), toPath(index));
  }
  writer.end();
  await pipeline(writer.outputStream, createWriteStream(path));
  return `file://${path}`;
}

async function measure(server, what, work) {
  const ping = new Worker(new URL("./costs/ping.mjs", import.meta.url), { workerData: server.url });
  const longest = async () => {
    ping.postMessage("");
    return (await once(ping, "message"))[0];
  };
  await longest();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await longest();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`| ${what} | ${seconds.toFixed(2)} s | ${(await longest()).toFixed(0)} ms |\n`);
  await ping.terminate();
}

async function send(server, method, name, file) {
  const url = `${server.url}/plugins/functions${method === "PUT" ? `/${name}` : ""}`;
  const reply = await fetch(url, { method, body: JSON.stringify({ name, file, functions: [name] }) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${name} was answered ${reply.status}: ${text}`);
}
