import { resolve } from "node:path";
import type { Logger } from "pino";
import type { Audit } from "./audit.ts";
import type { Config } from "./config/schema.ts";
import { createInspector } from "./inspect/inspector.ts";
import { createDownloader, type Downloader } from "./install/download/downloader.ts";
import type { ProxySettings } from "./install/download/proxy.ts";
import { createReceiver, type FolderReceiver } from "./install/receive/receiver.ts";
import { createScriptRunner } from "./install/script/script-runner.ts";
import { createTrust } from "./install/trust/trust.ts";
import { Jobs } from "./jobs/jobs.ts";
import { CompatibilityCheck } from "./manage/compatibility-check.ts";
import { FunctionNames } from "./manage/function-names.ts";
import { InstalledPlugins } from "./manage/installed-plugins.ts";
import { Verdicts } from "./manage/verdicts.ts";
import { PluginManager } from "./plugin-manager.ts";
import { createPrebuildCatalog, type PrebuildCatalog } from "./prebuild/catalog.ts";
import { ChangeQueue } from "./store/change-queue.ts";
import type { Layout } from "./store/layout.ts";
import { PluginStore } from "./store/plugin-store.ts";
import { UploadFolder } from "./uploads/upload-folder.ts";
import { Uploads } from "./uploads/uploads.ts";

export interface PartsOptions {
  readonly config: Config;
  readonly layout: Layout;
  readonly env: NodeJS.ProcessEnv;
  readonly proxy: ProxySettings;
  readonly audit: Audit;
  readonly log: Logger;
}

/** What works behind the HTTP interface. */
export interface Parts {
  readonly store: PluginStore;
  readonly queue: ChangeQueue;
  readonly downloader: Downloader;
  readonly installed: InstalledPlugins;
  readonly manager: PluginManager;
  readonly catalog: PrebuildCatalog;
  readonly jobs: Jobs;
  readonly receiver: FolderReceiver;
  readonly uploads: Uploads;
}

/** Makes every part and hands it to the next, lowest first. What an earlier process left behind is settled then. */
export async function createParts({ config, layout, env, proxy, audit, log }: PartsOptions): Promise<Parts> {
  const queue = new ChangeQueue(config.changes);
  const uploadsFolder = resolve(layout.base, config.uploads.folder);
  const downloader = createDownloader({
    config: withAllowedFolder(config.pluginDownload, uploadsFolder),
    proxy,
    baseFolder: layout.base,
  });
  const store = await PluginStore.open(layout, log, { keepVersions: config.versions.keep });
  const inspector = createInspector({ config: config.engine, baseFolder: layout.base, env });
  const check = new CompatibilityCheck({
    inspector,
    soFolder: (type) => layout.soFolder(type),
    entries: (type) => store.entries(type),
    verify: config.engine.verify,
  });
  const verdicts = new Verdicts({ store, check, log });
  const functionNames = new FunctionNames(() => store.entries("functions"));
  const installed = new InstalledPlugins({
    store,
    verdicts,
    functionNames,
    engines: { allowedFolders: config.pluginDownload.allowedFolders, baseFolder: layout.base },
  });
  const manager = new PluginManager({
    store,
    queue,
    downloader,
    trust: createTrust({ folder: layout.trustFolder, require: config.trust.require, log }),
    scripts: createScriptRunner({ config: config.installScript, env }),
    check,
    functionNames,
    limits: config.pluginPackage,
    audit,
  });
  const catalog = createPrebuildCatalog({ config: config.prebuild, hosts: config.basic.pluginHosts, log });
  const receiver = createReceiver({
    folder: layout.incomingFolder,
    config: config.uploads,
    maxBytes: config.uploads.maxBytes,
  });
  await receiver.clear().catch((err) => log.error({ err }, "what clients sent before the start could not be removed"));
  const folder = new UploadFolder(uploadsFolder);
  await folder.clear().catch((err) => log.error({ err }, "uploads that were not finished could not be removed"));
  const uploads = new Uploads({ folder, config: config.uploads, fetcher: downloader });
  return { store, queue, downloader, installed, manager, catalog, jobs: new Jobs(config.jobs), receiver, uploads };
}

/** What is uploaded can be installed, also where the folders are restricted. */
function withAllowedFolder(config: Config["pluginDownload"], folder: string): Config["pluginDownload"] {
  const { allowedFolders } = config;
  return allowedFolders.length === 0 ? config : { ...config, allowedFolders: [...allowedFolders, folder] };
}
