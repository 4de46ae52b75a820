import packageJson from "../../package.json" with { type: "json" };
import { hasCode, systemMessage } from "../lib/errors.ts";
import { EXIT_STATUS } from "./failure.ts";
import { Output } from "./output/output.ts";
import { runProgram } from "./program.ts";

/** As this process: prints, and sets its exit status. */
async function main(): Promise<void> {
  let isPrinted = true;
  process.stdout.on("error", (error) => {
    if (hasCode(error, "EPIPE")) return; // the reader has read enough, as head does; the exit status still counts
    isPrinted = false;
    process.exitCode = EXIT_STATUS.failed;
    process.stderr.write(`kuiper-plugins: can't print: ${systemMessage(error)}\n`);
  });
  const env = { ...process.env };
  const output = new Output({ process, env });
  const status = await runProgram(process.argv.slice(2), { env, version: packageJson.version, output });
  if (isPrinted) process.exitCode = status;
}

main().catch((error) => {
  process.stderr.write(`${(error as Error).stack}\n`); // a fault of ours keeps its stack
  process.exitCode = EXIT_STATUS.failed;
});
