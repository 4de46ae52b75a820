import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { comparison, skipped } from "../figure.mjs";
import { fillBase } from "../filled-base.mjs";
import { inTurns, timed } from "../pairs.mjs";
import { plainEnvironment, startServer } from "../server.mjs";

/** What a Node that does nothing has used of the processors by its end, in microseconds. */
const PRINT_CPU = 'process.on("exit", () => require("fs").writeSync(1, JSON.stringify(process.cpuUsage())))';

/** From starting the process to its first answer, against a Node that does nothing: by the clock, and in CPU time. */
export async function measureStart({ plan, folder, processes }) {
  const figures = [];
  for (const plugins of plan.start.plugins) {
    const base = await fillBase(processes, folder, plugins);
    const pairs = await inTurns(plan.start.rounds, () => startOurs(processes, base), startNode);
    const of = (key) => pairs.map(({ ours, theirs }) => ({ ours: ours[key], theirs: theirs[key] }));
    const what = `start to first answer with ${plugins} plugins`;
    const row = { unit: "ms", theirsIs: "node -e 0" };
    figures.push(comparison({ ...row, what, pairs: of("wall"), target: { atMost: 5 } }));
    const whatCpu = `CPU time of the ${what}`;
    if (process.platform === "linux") {
      const target = plugins === 0 ? { atMost: 3 } : undefined; // else most of it is the plugins' own
      figures.push(comparison({ ...row, what: whatCpu, pairs: of("cpu"), target }));
    } else figures.push(skipped(whatCpu, "it is read from /proc"));
  }
  return figures;
}

async function startOurs(processes, base) {
  let server;
  const wall = await timed(async () => {
    server = await startServer(processes, base);
    const reply = await fetch(`${server.url}/plugins/sources`);
    await reply.arrayBuffer();
  });
  const cpu = process.platform === "linux" ? await cpuMs(server.pid) : Number.NaN;
  await server.stop();
  return { wall, cpu };
}

async function startNode() {
  const wall = await timed(() => runNode("0"));
  const { user, system } = JSON.parse(await runNode(PRINT_CPU));
  return { wall, cpu: (user + system) / 1000 };
}

/** What a script writes to its standard output. */
async function runNode(source) {
  const child = spawn(process.execPath, ["-e", source], {
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return output;
}

/** CPU time of all threads of a process, children not included. */
async function cpuMs(pid) {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = threads.map(async (id) => {
    const text = await readFile(`/proc/${pid}/task/${id}/schedstat`, "utf8").catch(() => "0"); // a thread may have ended
    return text.split(" ")[0];
  });
  return (await Promise.all(times)).reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1e6, 0);
}
