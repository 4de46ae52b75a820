import { join } from "node:path";
import { comparison } from "../figure.mjs";
import { requestsPerSecond } from "../load.mjs";
import { inTurns } from "../pairs.mjs";
import { script } from "../processes.mjs";
import { startServer } from "../server.mjs";

/** `GET /rules` of an engine behind this server, against the barest proxy before the same engine. */
export async function measurePassOn({ plan, folder, processes }) {
  const engine = await processes.serve([script("engine")]);
  const bare = await processes.serve([script("bare-proxy"), engine.url]);
  const server = await startServer(processes, join(folder, "pass-on"), { KUIPER__ENGINE__URL: engine.url });
  const ours = () => requestsPerSecond(`${server.url}/rules`, plan.passOn);
  const theirs = () => requestsPerSecond(`${bare.url}/rules`, plan.passOn);
  const pairs = await inTurns(plan.passOn.rounds, ours, theirs);
  for (const one of [server, bare, engine]) await one.stop();
  const what = `GET /rules passed on to an engine, ${plan.passOn.connections} connections`;
  return [comparison({ what, unit: "/s", pairs, theirsIs: "bare node:http proxy", target: { atLeast: 0.7 } })];
}
