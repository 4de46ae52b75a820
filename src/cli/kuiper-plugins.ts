import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };

const program = new Command("kuiper-plugins").version(packageJson.version);
program
  .command("list")
  .option("--server <url>")
  .action(() => {});
void program.parseAsync();
