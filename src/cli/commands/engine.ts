import { objectsIn } from "../../lib/objects.ts";
import { count } from "../../lib/text.ts";
import { restartEngine } from "../changes/make-change.ts";
import { readRules } from "../changes/rules.ts";
import type { AddCommand } from "../command-context.ts";
import { CommandFailure, EXIT_STATUS, ServerRefusal } from "../failure.ts";
import { asObjectWith } from "../server/answer.ts";

/** `engine status` and `engine restart`. */
export const addEngine: AddCommand = (program, { connect, output }) => {
  const engine = program.command("engine").description("show the engine behind the server (engine.url), or restart it");
  engine
    .command("status")
    .description("show the engine, its rules, and the changes that wait for its restart")
    .action(async () => {
      await using client = await connect();
      const report = asObjectWith("url", await inFront(() => client.get("/engine")), "report of an engine");
      const rules = report.reachable === true ? await readRules(client) : undefined;
      output.json({ ...report, rules: rules === undefined ? null : Object.fromEntries(rules) });
      const { url, reachable, reason, version, upTimeSeconds, restart, pending } = report;
      output.line(`engine      ${url}`);
      output.line(
        `state       ${reachable === true ? `runs, version ${version}, for ${upTimeSeconds} s` : `does not answer: ${reason}`}`,
      );
      output.line(`restart by  ${RESTART_WORDS[String(restart)] ?? restart}`);
      const changes = objectsIn(pending);
      output.line(
        `waiting     ${changes.length === 0 ? "nothing waits for a restart" : `${count(changes.length, "change")} for a restart`}`,
      );
      for (const { type, name, change, since } of changes) {
        output.line(`            ${change} of ${type}/${name}${since === null ? "" : `, ${since}`}`);
      }
      if (rules === undefined || rules.size === 0) return;
      output.line();
      output.table(["RULE", "STATE"], [...rules]);
    });
  engine
    .command("restart")
    .description("restart the engine with all changes that wait for it, and show what came of it")
    .action(async () => {
      await using client = await connect();
      await inFront(() => restartEngine({ client, output }));
    });
};

const RESTART_WORDS: Readonly<Record<string, string>> = {
  none: "nobody: set engine.restart, or restart it yourself",
  stop: "POST /stop; its supervisor starts it again",
  command: "a command",
};

/** Without `engine.url` the server has no such paths. */
async function inFront<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ServerRefusal && error.code === "PAGE_NOT_FOUND")) throw error;
    throw new CommandFailure(
      "NO_ENGINE",
      "this server stands in front of no engine: set engine.url",
      EXIT_STATUS.notFound,
    );
  }
}
