import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { doctorCommand } from "./doctor.ts";

const program = new Command("kuiper-plugins").version(packageJson.version);
program
  .command("list")
  .option("--server <url>")
  .action(() => {});
program.addCommand(
  doctorCommand({
    env: { ...process.env },
    version: packageJson.version,
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    exit: (status) => {
      process.exitCode = status;
    },
    signal: new AbortController().signal,
    program: process.argv[1],
  }),
);
void program.parseAsync();
