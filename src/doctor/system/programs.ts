import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { hasCode } from "../../lib/errors.ts";
import { createLimits } from "../../package/script/process-group.ts";
import { CollectedLog } from "../collected-log.ts";
import { type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

const SEARCHED_WITHOUT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The programs of the system that the server starts, each used as the server uses it. */
export async function* programs({ config, env }: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const path = env.PATH || SEARCHED_WITHOUT_PATH;
  const problem = await problemOfFlock(path, signal);
  if (problem === undefined) yield ok("flock works");
  else {
    yield warning(
      `flock ${problem}: two servers on one folder would not notice each other`,
      "install util-linux, or its package flock; never start two servers on a folder",
    );
  }
  const log = new CollectedLog();
  await createLimits(config.installScript, { PATH: path })(log);
  for (const line of log.lines) yield warning(line, "install util-linux, or its package prlimit");
  if (log.lines.length === 0) yield ok("prlimit works, or no limit is set");
}

/** A shared lock of a file that nobody locks: the folders' own locks are left alone. */
async function problemOfFlock(path: string, signal: AbortSignal): Promise<string | undefined> {
  await using file = await open(process.execPath, "r");
  const child = spawn("flock", ["-n", "-s", "3"], {
    env: { PATH: path },
    stdio: ["ignore", "ignore", "ignore", file.fd],
    signal,
  });
  try {
    const [status] = await once(child, "exit");
    return status === 0 ? undefined : `does not work here (exit status ${status})`;
  } catch (error) {
    signal.throwIfAborted();
    return hasCode(error, "ENOENT") ? "is missing" : `can't be started (${(error as NodeJS.ErrnoException).code})`;
  }
}
