import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const STOP_TIMEOUT_MS = 15_000;

/**
 * A process that serves HTTP.
 *
 * @typedef {object} Serving
 * @property {string} url where it answers
 * @property {number} pid
 * @property {() => Promise<void>} stop
 */

/** Starts processes and remembers them, so that none outlives the bench. */
export function createProcesses() {
  /** @type {Set<() => Promise<void>>} */
  const stops = new Set();

  /**
   * Starts Node with a script that prints where it listens, and waits for that line.
   *
   * @param {string[]} args
   * @param {{ env?: NodeJS.ProcessEnv, listening?: RegExp }} [options] the pattern's first group is the URL
   * @returns {Promise<Serving>}
   */
  async function serve(args, { env = process.env, listening = /^(https?:\S+)/ } = {}) {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const stop = async () => {
      stops.delete(stop);
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    };
    stops.add(stop);
    return { url: await firstMatch(child, exited, listening), pid: child.pid, stop };
  }

  return {
    serve,
    async stopAll() {
      await Promise.all([...stops].map((stop) => stop()));
    },
  };
}

async function firstMatch(child, exited, pattern) {
  const lines = createInterface({ input: child.stdout });
  const seen = [];
  const found = new Promise((resolve) => {
    lines.on("line", (line) => {
      if (seen.length < 50) seen.push(line);
      const url = pattern.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const ended = exited.then(([code]) => {
    throw new Error(`${child.spawnargs.join(" ")} ended with ${code} before it listened:\n${seen.join("\n")}`);
  });
  ended.catch(() => {}); // every process ends some time
  const url = await Promise.race([found, ended]);
  lines.close();
  child.stdout.resume(); // a full pipe would stop the process
  return url;
}

/** The path of a script in processes/. */
export function script(name) {
  return fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
}

/** Runs a program to its end. @throws when it does not exit with 0 */
export async function run(program, args) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code, signal] = await once(child, "exit");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code ?? signal}`);
}

/** Whether there is a program of that name. */
export async function hasProgram(program) {
  const child = spawn(program, ["-v"], { stdio: "ignore" });
  return once(child, "spawn").then(
    () => once(child, "exit").then(() => true),
    () => false,
  );
}
