import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { comparison } from "../figure.mjs";
import { fillBase } from "../filled-base.mjs";
import { requestsPerSecond } from "../load.mjs";
import { inTurns } from "../pairs.mjs";
import { script } from "../processes.mjs";
import { startServer } from "../server.mjs";

/** `GET /plugins/sources`, against a server that does nothing but send the same bytes. */
export async function measureList({ plan, folder, processes }) {
  const figures = [];
  for (const plugins of plan.list.plugins) {
    const server = await startServer(processes, await fillBase(processes, folder, plugins));
    const url = `${server.url}/plugins/sources`;
    const bare = await startBareServer(processes, folder, url, plugins);
    const ours = () => requestsPerSecond(url, plan.list);
    const theirs = () => requestsPerSecond(bare.url, plan.list);
    const pairs = await inTurns(plan.list.rounds, ours, theirs);
    await server.stop();
    await bare.stop();
    figures.push(
      comparison({
        what: `GET /plugins/sources with ${plugins} plugins, ${plan.list.connections} connections`,
        unit: "/s",
        pairs,
        theirsIs: "bare node:http",
        target: { atLeast: 0.7 },
      }),
    );
  }
  return figures;
}

async function startBareServer(processes, folder, url, plugins) {
  const reply = await fetch(url);
  const bytes = Buffer.from(await reply.arrayBuffer());
  const names = JSON.parse(bytes.toString());
  if (names.length !== plugins) throw new Error(`${url} lists ${names.length} plugins, not ${plugins}`);
  const bodyFile = join(folder, `list-of-${plugins}.json`);
  await writeFile(bodyFile, bytes);
  return processes.serve([script("bare-server"), bodyFile, reply.headers.get("content-type") ?? ""]);
}
