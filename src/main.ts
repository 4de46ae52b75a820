import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { isatty } from "node:tty";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import packageJson from "../package.json" with { type: "json" };
import { ConfigError, loadConfig, plainVariable } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { proxySettings } from "./fetch/proxy.ts";
import { hasCode } from "./lib/errors.ts";
import { makeFoldersSync } from "./lib/folder-mode.ts";
import { createLog } from "./lib/log.ts";
import { readSmallFile, UnfitFile } from "./lib/small-file.ts";
import { decodeText } from "./lib/text-encoding.ts";
import { Activity } from "./metrics/activity.ts";
import { type Audit, createAudit } from "./plugins/audit.ts";
import { createServer, type Server } from "./server.ts";
import { Layout } from "./store/layout.ts";
import { lockVolumes } from "./store/lock-volumes.ts";

/** Asks the supervisor to start the server again; the same as the original's. */
const RESTART_EXIT_CODE = 100;
const FAILED_EXIT_CODE = 1;
/** 1 is a verdict of `inspect`. */
const COMMAND_FAILED_EXIT_CODE = 3;

/** Seconds for open connections to end, once no change is in progress. */
const CONNECTIONS_TIMEOUT_SECONDS = 5;
/** Seconds for changes to be undone, after the time that they have to finish. */
const CLOSE_TIMEOUT_SECONDS = 10;

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const { base, isNew } = baseFolder(env);
  const { config, warnings } = loadConfig(new Layout(base).configFile, env);
  const layout = engineLayout(base, config.folders);
  const tls = await readTls(config.basic.restTls, layout.base);
  const { format, maxBufferBytes } = config.log;
  const pretty = format === "pretty" || (format === "auto" && isatty(1)); // process.stdout would block on a pipe
  const activity = new Activity();
  const onDrop = () => activity.lineDropped("log");
  const log = await createLog({ debug: config.basic.debug, pretty, maxBufferBytes, onDrop });
  for (const warning of warnings) log.warn(warning);
  if (isNew)
    log.warn({ base }, "the base folder was not there and has been made: is KuiperBaseKey the engine's folder?");
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "uncaught exception; exiting");
    process.exit(FAILED_EXIT_CODE);
  });

  const audit = openAudit(config.log, layout, log, activity);
  await lockFolders(layout, log);
  const { version } = packageJson;
  const { stopDelaySeconds } = config.changes;
  const restart = () => {
    log.info({ stopDelaySeconds }, "a delete asked for a restart");
    // As in the original: a client that sends several requests is not cut off at the next one.
    setTimeout(() => stop(RESTART_EXIT_CODE, "a delete asked for a restart"), stopDelaySeconds * 1000);
  };
  const proxy = proxySettings(env);
  const own = { version, pageFolder: join(import.meta.dirname, "ui"), restart };
  const parts = { config, layout, env, proxy, log, audit, activity, ...own };
  const server = await createServer({ ...parts, ...(tls && { tls }) });

  let stopping: { exitCode: number } | undefined;
  let signals = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => onSignal(signal));
  await listen(server.app, config.basic);
  warnWhenOpen(config.basic, log);
  log.info({ version, node: process.version, base: layout.base, plugins: server.store.count() }, "ready");
  compareWithEngine(server, log);

  function onSignal(signal: string): void {
    signals += 1;
    stop(0, signal);
    if (signals < 2) return;
    log.warn({ signal }, "asked to stop again: running installs are undone now");
    server.queue.abort();
  }

  function stop(exitCode: number, reason: string): void {
    log.info({ reason, exitCode }, "stopping: no new changes, running ones may finish");
    if (stopping === undefined) {
      stopping = { exitCode };
      void shutDown(stopping);
    } else stopping.exitCode = Math.min(stopping.exitCode, exitCode); // a plain stop wins: the supervisor must not start it again
  }

  async function shutDown(ending: { readonly exitCode: number }): Promise<void> {
    const limit = config.changes.shutdownTimeoutSeconds * 1000;
    // A disk that hangs must not keep the process alive: what is cut off is undone or finished at the next start.
    setTimeout(() => process.exit(ending.exitCode), limit + CLOSE_TIMEOUT_SECONDS * 1000);
    try {
      await server.queue.close(limit);
      setTimeout(() => process.exit(ending.exitCode), CONNECTIONS_TIMEOUT_SECONDS * 1000);
      await server.close();
      log.info({ exitCode: ending.exitCode }, "stopped");
    } catch (err) {
      log.error({ err }, "stopped with an error");
    }
    process.exit(ending.exitCode);
  }
}

/** The folder with `etc/` and `plugins/`: by the original's variable, else where the server was started. */
function basePath({ KuiperBaseKey: given = "" }: NodeJS.ProcessEnv): string {
  return resolve(plainVariable("KuiperBaseKey", given));
}

/** The same, made where it is missing. */
function baseFolder(env: NodeJS.ProcessEnv): { readonly base: string; readonly isNew: boolean } {
  const base = basePath(env);
  try {
    const isNew = !existsSync(base);
    makeFoldersSync(base);
    return { base: realpathSync(base), isNew };
  } catch (cause) {
    throw new ConfigError(`the base folder ${base} can't be used: ${(cause as Error).message}`, { cause });
  }
}

function engineLayout(base: string, folders: Config["folders"]): Layout {
  const layout = new Layout(base, folders);
  if (layout.volume("etc") !== layout.volume("plugins")) return layout;
  throw new ConfigError(`folders.etc and folders.plugins are both ${layout.volume("etc")}; they should be two folders`);
}

async function readTls({ certfile, keyfile }: Config["basic"]["restTls"], base: string) {
  if (certfile === "" && keyfile === "") return undefined;
  if (certfile === "" || keyfile === "") {
    throw new ConfigError("basic.restTls needs both certfile and keyfile, or neither for plain HTTP");
  }
  const tls = { cert: await readPem("certfile", certfile, base), key: await readPem("keyfile", keyfile, base) };
  try {
    createSecureContext(tls);
  } catch (cause) {
    const files = `certfile ${certfile} and keyfile ${keyfile}`;
    throw new ConfigError(`basic.restTls: ${files} can't be used: ${(cause as Error).message}`, { cause });
  }
  return tls;
}

const MAX_PEM_BYTES = 1024 * 1024;

async function readPem(key: string, file: string, base: string): Promise<string> {
  try {
    return decodeText(await readSmallFile(resolve(base, file), MAX_PEM_BYTES)); // PowerShell writes UTF-16
  } catch (cause) {
    const reason = cause instanceof UnfitFile ? `it ${cause.message}` : (cause as Error).message;
    throw new ConfigError(`basic.restTls.${key} is ${file}, which can't be read: ${reason}`, { cause });
  }
}

/** Makes this process the only server of its folders. */
async function lockFolders(layout: Layout, log: Logger): Promise<void> {
  const taken = await lockVolumes(layout, log);
  if (taken === undefined) return;
  throw new ConfigError(`another server works on ${taken}; stop it, or give this one a folder of its own`);
}

function openAudit(
  { auditFile, maxBufferBytes }: Config["log"],
  layout: Layout,
  log: Logger,
  activity: Activity,
): Audit {
  const file = auditFile === "" ? "" : resolve(layout.base, auditFile);
  try {
    return createAudit(file, maxBufferBytes, log, () => activity.lineDropped("audit"));
  } catch (cause) {
    throw new ConfigError(`log.auditFile is ${auditFile}, which can't be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** In the background: with thousands of plugins and a new engine it takes a while, and no request needs to wait. */
function compareWithEngine({ installed }: Server, log: Logger): void {
  installed.compareWithEngine().catch((err) => log.error({ err }, "the plugins could not be compared with the engine"));
}

function warnWhenOpen({ restIp, authentication }: Config["basic"], log: Logger): void {
  if (authentication || restIp === "localhost" || restIp === "::1" || restIp.startsWith("127.")) return;
  log.warn(
    { restIp },
    "everybody who can reach this port can install plugins, and so run programs on this machine: set basic.authentication, or let restIp be 127.0.0.1",
  );
}

async function listen(app: FastifyInstance, { restIp, restPort }: Config["basic"]): Promise<void> {
  // For this name Fastify makes a second server for the other address, without our limits for connections and bodies.
  const host = restIp === "localhost" ? "127.0.0.1" : restIp;
  try {
    await app.listen({ host, port: restPort });
  } catch (cause) {
    const hint = hasCode(cause, "EADDRINUSE")
      ? `; if that is the engine, set KUIPER__BASIC__RESTPORT to a free port`
      : "";
    const reason = `can't listen on basic.restIp ${restIp}, basic.restPort ${restPort}: ${(cause as Error).message}${hint}`;
    throw new ConfigError(reason, { cause });
  }
}

/** Runs the command that the arguments name; without arguments it is the server. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  if (args.length === 0) return main(env);
  const { runProcess } = await import("./cli/inspect/command-line.ts");
  await runProcess(args, { env, baseFolder: basePath(env), version: packageJson.version });
}

const args = process.argv.slice(2);
// A copy of the environment: process.env asks the system for each variable, each time.
run(args, { ...process.env }).catch((error) => {
  // One line that says what to change; anything else is a fault of ours and keeps its stack.
  process.stderr.write(
    error instanceof ConfigError ? `kuiper-plugin-server: ${error.message}\n` : `${(error as Error).stack}\n`,
  );
  process.exit(args.length === 0 ? FAILED_EXIT_CODE : COMMAND_FAILED_EXIT_CODE);
});
