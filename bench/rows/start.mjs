import { comparison } from "../figure.mjs";
import { fillBase } from "../filled-base.mjs";
import { inTurns, timed } from "../pairs.mjs";
import { run } from "../processes.mjs";
import { startServer } from "../server.mjs";

/** From starting the process to its first answer, against a Node that does nothing. */
export async function measureStart({ plan, folder, processes }) {
  const figures = [];
  for (const plugins of plan.start.plugins) {
    const base = await fillBase(processes, folder, plugins);
    const ours = async () => {
      let server;
      const ms = await timed(async () => {
        server = await startServer(processes, base);
        const reply = await fetch(`${server.url}/plugins/sources`);
        await reply.arrayBuffer();
      });
      await server.stop();
      return ms;
    };
    const theirs = () => timed(() => run(process.execPath, ["-e", "0"]));
    figures.push(
      comparison({
        what: `start to first answer with ${plugins} plugins`,
        unit: "ms",
        pairs: await inTurns(plan.start.rounds, ours, theirs),
        theirsIs: "node -e 0",
        target: { atMost: 5 },
      }),
    );
  }
  return figures;
}
