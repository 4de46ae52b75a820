import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { enumerate, quoted } from "../../lib/text.ts";
import { type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nameOf } from "../system/process-facts.ts";

/** The variables that decide how the server works, and so what all other checks look at. */
const DECISIVE = /^(?:KUIPER__.+|KUIPERBASEKEY|LD_LIBRARY_PATH|HTTPS?_PROXY|NO_PROXY)$/i;

/** Whether a running server has the settings that were looked at here: a unit's variables are not in a shell. */
export async function* environment({ server, system, env }: Situation): AsyncIterable<Observation> {
  if (server.pid === "self") return yield skipped("no server is seen to run");
  const file = join(system.proc, String(server.pid), "environ");
  const theirs = parseEnvironment(await readFile(file, "utf8"));
  const names = new Set([...theirs.keys(), ...Object.keys(env)].filter((name) => DECISIVE.test(name)));
  names.delete("KuiperBaseKey"); // --base is in its place
  const different = [...names].filter((name) => theirs.get(name) !== env[name]).sort();
  if (different.length === 0) return yield ok(`${nameOf(server)} has the same variables`);
  yield warning(
    `${nameOf(server)} has other variables than this command: ${enumerate(different.map((name) => quoted(name)))}`,
    "run this with the server's environment: what is found here is about other settings",
  );
}

function parseEnvironment(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\0").filter((line) => line.includes("="));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
