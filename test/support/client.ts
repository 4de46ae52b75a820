import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";
import { type Client, createClient } from "../../src/fetch/client.ts";
import type { ProxySettings } from "../../src/fetch/proxy.ts";

type DownloadConfig = Config["pluginDownload"];

/** The default settings of downloads but for `settings`. */
export function downloadConfig(settings: Partial<DownloadConfig> = {}): DownloadConfig {
  return { ...loadConfig("/nowhere/none.yaml", {}).config.pluginDownload, ...settings };
}

/** The real client, with the default settings but for `settings`. */
export function testClient(settings: Partial<DownloadConfig> = {}, proxy: ProxySettings = {}): Client {
  return createClient({ config: downloadConfig(settings), proxy, baseFolder: "/nowhere" });
}
