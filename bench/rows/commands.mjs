import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { comparison } from "../figure.mjs";
import { fillBase } from "../filled-base.mjs";
import { inTurns } from "../pairs.mjs";
import { plainEnvironment, startServer } from "../server.mjs";

const COMMAND = fileURLToPath(new URL("../../dist/kuiper-plugins.js", import.meta.url));
/** What a Node has used of the processors by its end, on a descriptor of its own, in microseconds. */
const PRINT_CPU = 'process.on("exit", () => require("fs").writeSync(3, JSON.stringify(process.cpuUsage())))';

/** A command from its start to its end, against a Node that does nothing: in CPU time. */
export async function measureCommands({ plan, folder, processes }) {
  const hook = join(folder, "print-cpu.cjs");
  await writeFile(hook, PRINT_CPU);
  const server = await startServer(processes, await fillBase(processes, folder, 3));
  const figures = [];
  for (const args of [["--version"], ["--help"], ["list", "--server", server.url]]) {
    const ours = () => cpuMs(hook, [COMMAND, ...args]);
    const pairs = await inTurns(plan.commands.rounds, ours, () => cpuMs(hook, ["-e", "0"]));
    const what = `CPU time of kuiper-plugins ${args[0]}`;
    figures.push(comparison({ what, unit: "ms", pairs, theirsIs: "node -e 0", target: { atMost: 2 } }));
  }
  await server.stop();
  return figures;
}

async function cpuMs(hook, args) {
  const child = spawn(process.execPath, ["-r", hook, ...args], {
    env: plainEnvironment(),
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const [output, [code]] = await Promise.all([text(child.stdio[3]), once(child, "exit")]);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  const { user, system } = JSON.parse(output);
  return (user + system) / 1000;
}
