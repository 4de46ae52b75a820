import { resolve } from "node:path";
import type { Logger } from "pino";
import { type Catalogue, createCatalogue } from "./catalogue/catalogue.ts";
import type { Config } from "./config/schema.ts";
import { createDownloader, type Downloader } from "./fetch/downloader.ts";
import type { ProxySettings } from "./fetch/proxy.ts";
import { createReceiver, type FolderReceiver } from "./incoming/receiver.ts";
import { UploadFolder } from "./incoming/upload-folder.ts";
import { Uploads } from "./incoming/uploads.ts";
import { createInspector } from "./inspect/inspector.ts";
import { Jobs } from "./jobs/jobs.ts";
import { createScriptRunner } from "./package/script/install-script.ts";
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
  readonly catalog: Catalogue;
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
    trust: createTrust({ folder: layout.trustFolder, config: config.trust, log }),
    scripts: createScriptRunner({ config: config.installScript, env }),
    check,
    functionNames,
    limits: config.pluginPackage,
    audit,
  });
  const catalog = createCatalogue({ config: config.prebuild, hosts: config.basic.pluginHosts, log });
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
