import packageJson from "../../package.json" with { type: "json" };
import { EXIT_STATUS } from "./failure.ts";
import { Output } from "./output/output.ts";
import { watchStandardStreams } from "./output/standard-streams.ts";
import { runProgram } from "./program.ts";

/** As this process: prints, and sets its exit status. */
async function main(): Promise<void> {
  const endWith = watchStandardStreams("kuiper-plugins", EXIT_STATUS.failed);
  const env = { ...process.env };
  const output = new Output({ process, env });
  endWith(await runProgram(process.argv.slice(2), { env, version: packageJson.version, output }));
}

main().catch((error) => {
  process.stderr.write(`${(error as Error).stack}\n`); // a fault of ours keeps its stack
  process.exitCode = EXIT_STATUS.failed;
});
