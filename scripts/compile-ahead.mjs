// Half the time of a start is V8 compiling functions. So the build starts the server once and keeps what was compiled by
// the first reply: dist/main.js hands it to V8. It is good for the Node that made it; others start without.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const TIMEOUT_MS = 30_000;

/** The cache's name in dist/. */
export const CACHE = `server-${process.version}-${process.arch}.cache`;

/** Writes the cache into dist/. @throws when the server does not start */
export async function compileAhead() {
  const base = await mkdtemp(join(tmpdir(), "compile-ahead-"));
  const { NODE_OPTIONS: _, ...inherited } = process.env; // V8's flags are part of its cache
  const own = Object.entries(inherited).filter(([name]) => !/^kuiper/i.test(name));
  const env = { ...Object.fromEntries(own), KuiperBaseKey: base, KUIPER__BASIC__RESTPORT: "0" };
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const exited = once(child, "exit");
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /Server listening at (http:[^"\s]+)/.exec(line)?.[1];
      if (url === undefined) continue;
      await (await fetch(`${url}/plugins/sources`, { headers: { connection: "close" } })).text();
      child.kill("SIGTERM");
    }
    const [code, signal] = await exited;
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}`);
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    await rm(base, { recursive: true });
  }
}

/** The child: runs the server as dist/main.js does. */
function runServer() {
  const filename = resolve("dist/server.js");
  const script = new Script(readFileSync(filename, "latin1"), { filename });
  process.on("exit", () => writeFileSync(`dist/${CACHE}`, script.createCachedData()));
  script.runInThisContext()(createRequire(filename));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runServer();
