import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { PublicKeys } from "./auth/public-keys.ts";
import { createCatalogue } from "./catalogue/catalogue.ts";
import type { Config } from "./config/schema.ts";
import { parsePluginKey, pluginKey } from "./domain/plugin.ts";
import { EngineActivation, INSTALL_PATIENCE } from "./engine/activation/engine-activation.ts";
import { OpenHandovers } from "./engine/activation/open-handovers.ts";
import { Engine } from "./engine/engine.ts";
import { EngineRestarts } from "./engine/restart/restarts.ts";
import { createClient } from "./fetch/client.ts";
import { createDownloader } from "./fetch/downloader.ts";
import type { ProxySettings } from "./fetch/proxy.ts";
import { buildApp } from "./http/app.ts";
import { createReceiver } from "./incoming/receiver.ts";
import { UploadFolder } from "./incoming/upload-folder.ts";
import { Uploads } from "./incoming/uploads.ts";
import { createInspector } from "./inspect/inspector.ts";
import type { JobView } from "./jobs/job.ts";
import { Jobs } from "./jobs/jobs.ts";
import type { Activity } from "./metrics/activity.ts";
import { Metrics } from "./metrics/metrics.ts";
import { createScriptRunner, engineVariables } from "./package/script/install-script.ts";
import { createTrust } from "./package/trust/trust.ts";
import type { Audit } from "./plugins/audit.ts";
import { FunctionNames } from "./plugins/function-names.ts";
import { InstalledPlugins } from "./plugins/installed-plugins.ts";
import { PluginManager } from "./plugins/plugin-manager.ts";
import { CompatibilityCheck } from "./plugins/verdicts/compatibility-check.ts";
import { Verdicts } from "./plugins/verdicts/verdicts.ts";
import { ChangeQueue } from "./store/journal/queue.ts";
import type { Layout } from "./store/layout.ts";
import { PluginStore } from "./store/plugin-store.ts";

interface ServerOptions {
  readonly config: Config;
  readonly layout: Layout;
  /** The environment of install.sh and of the engine's libraries is taken from this. */
  readonly env: NodeJS.ProcessEnv;
  readonly proxy: ProxySettings;
  readonly log: Logger;
  readonly audit: Audit;
  /** What has happened since the start of the process. */
  readonly activity: Activity;
  /** The server's own version. */
  readonly version: string;
  /** Where the build has put the page. */
  readonly pageFolder: string;
  /** Certificate and key; undefined serves plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Called after the reply to a delete that asks for a restart. */
  readonly restart: () => void;
}

/** The whole server, made and not listening yet. */
export interface Server {
  readonly app: FastifyInstance;
  readonly queue: ChangeQueue;
  readonly store: PluginStore;
  readonly installed: InstalledPlugins;
  /** Ends connections and downloads, once the queue is closed. */
  close(): Promise<void>;
}

/**
 * The composition root: makes every part once, lowest first, and hands it to the next. What an earlier process left
 * behind is settled then.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { config, layout, env, proxy, log, audit, activity, version, tls } = options;
  const uploadsFolder = layout.uploadsFolder(config.uploads.folder);
  const { allowedFolders } = config.pluginDownload;

  audit.onRecord = (write, result) => activity.audited(write, result);
  const client = createClient({ config: config.pluginDownload, proxy, baseFolder: layout.base });
  const downloader = createDownloader({
    client,
    config: withAllowedFolder(config.pluginDownload, uploadsFolder),
    baseFolder: layout.base,
  });
  const queue = new ChangeQueue(config.changes);
  const store = await PluginStore.open(layout, log, {
    keepVersions: config.versions.keep,
    isForEngine: config.engine.url !== "" || config.folders.plugins !== "",
    keepReplaced: config.engine.url !== "",
  });
  const inspector = createInspector({ config: config.engine, baseFolder: layout.base, env });
  const engine =
    config.engine.url === ""
      ? undefined
      : await Engine.create({ config: config.engine, layout, store, uploadsFolder, log });
  const check = new CompatibilityCheck({
    inspector,
    soFolder: (type) => layout.soFolder(type),
    entries: (type) => store.entries(type),
    verify: config.engine.verify,
    builtIn: engine?.names,
  });
  const functionNames = new FunctionNames(() => store.entries("functions"));
  const trust = createTrust({ folder: layout.trustFolder, config: config.trust, log });
  const installed = new InstalledPlugins({
    store,
    trust,
    verdicts: new Verdicts({ store, check, log }),
    functionNames,
    engines: { allowedFolders, baseFolder: layout.base },
  });
  const openHandovers = new OpenHandovers({
    store,
    queue,
    delaySeconds: config.engine.timeoutSeconds * INSTALL_PATIENCE,
    log,
  });
  const activation =
    engine === undefined || !config.engine.activate
      ? undefined
      : new EngineActivation({ engine, config: config.engine, store, open: openHandovers });
  const manager = new PluginManager({
    activation,
    store,
    queue,
    downloader,
    trust,
    scripts: createScriptRunner({
      config: config.installScript,
      env,
      variables: engineVariables(layout.base, layout.volume("etc"), layout.volume("plugins")),
    }),
    check,
    functionNames,
    limits: config.pluginPackage,
    audit,
    onChange: engine && (() => engine.notice()),
    onStage: (stage, seconds, bytes) => activity.stageEnded(stage, seconds, bytes),
  });
  void engine?.lastVersion; // asks for it in the background: errors are in the engine's format from the beginning
  const jobs = new Jobs({
    limits: config.jobs,
    folder: layout.jobsFolder,
    recovered: (job) => (isDone(job, store) ? "finished" : store.recovered.get(job.id)),
    log,
  });
  // What became of a change that was cut off is known to this process alone.
  if (store.recovered.size > 0) void jobs.list();
  const restarts =
    engine &&
    new EngineRestarts({ engine, store, manager, jobs, audit, config: config.engine, folder: layout.base, env, log });
  await restarts?.resume().catch((err) => log.error({ err }, "a restart of the engine that was cut off can't go on"));
  const catalog = createCatalogue({
    client,
    config: config.prebuild,
    hosts: config.basic.pluginHosts,
    log,
    onAnswer: (host, isUp) => activity.hostAsked(host, isUp),
  });
  const receiver = createReceiver({
    folder: layout.incomingFolder,
    config: config.uploads,
    maxBytes: config.uploads.maxBytes,
    onReceived: (bytes) => activity.received(bytes),
  });
  const uploadFolder = new UploadFolder(uploadsFolder);
  await receiver.clear().catch((err) => log.error({ err }, "zips received before the start could not be removed"));
  await uploadFolder.clear().catch((err) => log.error({ err }, "unfinished uploads could not be removed"));

  engine?.notice();

  const metrics = new Metrics({
    ...{ activity, version, installed, queue, jobs, engine },
    connections: () => openConnections(app.server),
    certificate: tls?.cert,
  });
  const app = await buildApp({
    ...options,
    installed,
    manager,
    engine,
    restarts,
    catalog,
    jobs,
    metrics,
    receiver,
    uploads: new Uploads({ folder: uploadFolder, config: config.uploads, fetcher: downloader }),
    keys: config.basic.authentication ? new PublicKeys(layout.keysFolder) : undefined,
  });
  return {
    app,
    queue,
    store,
    installed,
    async close() {
      await restarts?.close();
      openHandovers.close();
      await app.close();
      await jobs.close();
      await engine?.close();
      await downloader.close();
    },
  };
}

/**
 * Whether the registry is as this job's change leaves it. It knows better than what was left of the change: that may have
 * been on its way out already, with the journal gone.
 */
function isDone({ id, action, plugin }: JobView, store: PluginStore): boolean {
  const key = plugin && parsePluginKey(pluginKey(plugin));
  if (key === undefined) return false;
  const entry = store.get(key);
  return action === "delete" ? entry === undefined && store.recovered.has(id) : entry?.change === id;
}

function openConnections(server: FastifyInstance["server"]): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

/** Uploaded files can be installed, also where the folders are restricted. */
function withAllowedFolder(config: Config["pluginDownload"], folder: string): Config["pluginDownload"] {
  const { allowedFolders } = config;
  return allowedFolders.length === 0 ? config : { ...config, allowedFolders: [...allowedFolders, folder] };
}
