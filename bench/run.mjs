// Measures what the README and the issue promise, and prints it as a Markdown table on standard output.
// A missed target is printed, never an error: the figures of a busy machine must not break a build.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { currentLoad, describeMachine } from "./machine.mjs";
import { FULL, SHORT } from "./plan.mjs";
import { createProcesses } from "./processes.mjs";
import { measureCommands } from "./rows/commands.mjs";
import { measureInspection } from "./rows/inspection.mjs";
import { measureInstall } from "./rows/install.mjs";
import { measureList } from "./rows/list.mjs";
import { measureMemory } from "./rows/memory.mjs";
import { measurePassOn } from "./rows/pass-on.mjs";
import { measureRollback } from "./rows/rollback.mjs";
import { measureSmallInstalls } from "./rows/small-installs.mjs";
import { measureStart } from "./rows/start.mjs";
import { formatTable } from "./table.mjs";

const ROWS = {
  install: measureInstall,
  inspection: measureInspection,
  rollback: measureRollback,
  memory: measureMemory,
  list: measureList,
  passOn: measurePassOn,
  small: measureSmallInstalls,
  start: measureStart,
  commands: measureCommands,
};

const HELP = `npm run bench -- [options]
  --short        smaller sizes and fewer rounds: every row in about a minute
  --only a,b     only these rows: ${Object.keys(ROWS).join(", ")}
  --json file    the raw figures as well
`;

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string", default: Object.keys(ROWS).join(",") },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else await bench();

async function bench() {
  const plan = options.short ? SHORT : FULL;
  const folder = await mkdtemp(join(tmpdir(), "plugin-bench-"));
  const processes = createProcesses();
  const cleanUp = async () => {
    await processes.stopAll();
    await rm(folder, { recursive: true, force: true });
  };
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => cleanUp().finally(() => process.exit(code)));
  }
  try {
    const machine = await describeMachine(folder);
    const loadBefore = currentLoad();
    const figures = [];
    for (const row of wantedRows()) {
      process.stderr.write(`measuring: ${row}\n`);
      figures.push(...(await ROWS[row]({ plan, folder, processes })));
    }
    machine.load = `${loadBefore} before, ${currentLoad()} after; the figures of a busy machine are rough`;
    process.stdout.write(`${formatTable(machine, plan, figures)}\n`);
    if (options.json) await writeFile(options.json, `${JSON.stringify({ machine, plan, figures }, null, 2)}\n`);
  } finally {
    await cleanUp();
  }
}

function wantedRows() {
  const wanted = options.only.split(",");
  const unknown = wanted.find((row) => !Object.hasOwn(ROWS, row));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}; there are ${Object.keys(ROWS).join(", ")}`);
  return wanted;
}
