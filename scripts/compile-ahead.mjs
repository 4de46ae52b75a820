// Half the time of a start is V8 compiling functions. So the build runs the server and a command once and keeps what was
// compiled: dist/main.js and dist/kuiper-plugins.js hand it to V8. It is good for the Node that made it; others start
// without.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import { Script } from "node:vm";

/** A bound for what hangs. */
const TIMEOUT_MS = 120_000;

/** The name of each bundle's cache in dist/. */
export const CACHES = { server: cacheOf("server"), commands: cacheOf("commands") };

function cacheOf(bundle) {
  return `${bundle}-${process.version}-${process.arch}.cache`;
}

/** Writes the caches into dist/. @throws when the server does not start, or the command fails */
export async function compileAhead() {
  const base = await mkdtemp(join(tmpdir(), "compile-ahead-"));
  try {
    await runServer(base, async (url) => {
      await (await fetch(`${url}/plugins/sources`, { headers: { connection: "close" } })).text();
      await ended(run(["commands", "list", "--server", url], { stdio: "ignore" }));
    });
  } finally {
    await rm(base, { recursive: true });
  }
}

/** @param use awaited once the server listens */
async function runServer(base, use) {
  const { NODE_OPTIONS: _, ...inherited } = process.env; // V8's flags are part of its cache
  const own = Object.entries(inherited).filter(([name]) => !/^kuiper/i.test(name));
  const env = { ...Object.fromEntries(own), KuiperBaseKey: base, KUIPER__BASIC__RESTPORT: "0" };
  const child = run(["server"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const end = ended(child);
  end.catch(() => {}); // what `use` throws comes first
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /Server listening at (http:[^"\s]+)/.exec(line)?.[1];
      if (url === undefined) continue;
      await use(url);
      child.kill("SIGTERM");
    }
    await end;
  } finally {
    child.kill("SIGKILL");
    await end.catch(() => {}); // it writes into its folder until then
  }
}

function run(args, options) {
  return spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { ...options, timeout: TIMEOUT_MS });
}

async function ended(child) {
  const [code, signal] = await once(child, "exit");
  if (code !== 0) throw new Error(`${child.spawnargs.slice(2).join(" ")} ended with ${code ?? signal}`);
}

/** The child: runs a bundle as dist/main.js does. */
function runBundle(bundle) {
  const filename = resolve(`dist/${bundle}.js`);
  const script = new Script(readFileSync(filename, "latin1"), { filename });
  v8.setFlagsFromString = () => {}; // a command sets one, and V8 rejects what was compiled with other flags than its own
  process.on("exit", () => writeFileSync(`dist/${CACHES[bundle]}`, script.createCachedData()));
  script.runInThisContext()(createRequire(filename), dirname(filename));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [bundle] = process.argv.splice(2, 1);
  runBundle(bundle);
}
