import { rm } from "node:fs/promises";
import { join } from "node:path";
import { absolute } from "../figure.mjs";
import { timed } from "../pairs.mjs";
import { writeVersionZip } from "../plugin-zip.mjs";
import { run } from "../processes.mjs";
import { install, rollback, startServer, update } from "../server.mjs";

const TARGET = { atMost: 1000 };

/** A large plugin, back to the version before and forward again. */
export async function measureRollback({ plan, folder, processes }) {
  const { megabytes, rounds } = plan.rollback;
  const base = join(folder, "rollback");
  const server = await startServer(processes, base);
  const zips = [];
  for (const version of ["1.0.0", "2.0.0"]) zips.push(await writeVersionZip(folder, "big", version, megabytes));
  const [first, second] = zips;
  await install(server, "functions", "big", `file://${first}`);
  await update(server, "functions", "big", `file://${second}`);
  const ours = [];
  for (let round = 0; round < rounds; round += 1) {
    await run("sync", ["-f", folder]);
    ours.push(await timed(() => rollback(server, "functions", "big")));
  }
  await server.stop();
  for (const path of [base, ...zips]) await rm(path, { recursive: true });
  return [absolute({ what: `rollback of a ${megabytes} MB plugin`, unit: "ms", ours, target: TARGET })];
}
