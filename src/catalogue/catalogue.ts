import { setMaxListeners } from "node:events";
import pLimit from "p-limit";
import type { Dispatcher } from "undici";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginType } from "../domain/plugin.ts";
import type { Log } from "../lib/log.ts";
import { createListingCache } from "./listing-cache.ts";
import { detectPlatform, type Platform } from "./platform.ts";
import type { HostAnswer, PluginHost, PluginQuery } from "./plugin-host.ts";

/** Hosts asked at once; further ones wait, within the same time limit. */
const HOSTS_AT_ONCE = 8;

export interface Listing {
  /** Name → URL of the zip, sorted by name. Has no prototype, so that every name is only itself. */
  readonly plugins: Readonly<Record<string, string>>;
  /** Hosts whose plugins may be missing, in the order of the settings; ASCII, without comma and credentials. */
  readonly failedHosts: readonly string[];
}

export interface Catalogue {
  /**
   * The plugins of a type that the hosts offer for this system. Takes at most `timeoutSeconds`, whatever they do.
   *
   * @throws PluginError PLUGIN_HOSTS_FAILED when there are hosts and none of them answers
   */
  list(type: PluginType): Promise<Listing>;
}

export interface PrebuildCatalogOptions {
  readonly config: Config["prebuild"];
  /** `basic.pluginHosts`. */
  readonly hosts: Config["basic"]["pluginHosts"];
  /** Gets a warning for each host that fails, when it fails. */
  readonly log: Pick<Log, "warn">;
  /**
   * What sends the requests, with its TLS settings; must not follow redirects. Called for each listing that is not
   * kept, and its owner keeps and closes it. By default an undici Agent that knows the usual authorities.
   */
  readonly dispatcher?: () => Dispatcher | Promise<Dispatcher>;
  readonly platform?: () => Promise<Platform>;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
}

/** Does nothing before the first `list`: most servers are never asked for a listing. */
export function createCatalogue(options: PrebuildCatalogOptions): Catalogue {
  const { config, hosts, log, now = () => performance.now() } = options;
  const { dispatcher = createDispatcher(config.timeoutSeconds), platform = () => detectPlatform(config) } = options;
  const cache = createListingCache<PluginType, Listing>({
    seconds: config.cacheSeconds,
    isComplete: ({ failedHosts }) => failedHosts.length === 0,
    now,
  });

  async function load(type: PluginType): Promise<Listing> {
    const query = { version: config.version, type, platform: await platform() };
    const replies = await askHosts(hosts, query, await dispatcher(), config);
    for (const { host, answer } of replies) {
      if ("failure" in answer) log.warn({ host: host.redacted, type, reason: answer.failure }, "a plugin host failed");
    }
    return mergeReplies(replies);
  }

  return { list: (type) => cache.get(type, () => load(type)) };
}

interface HostReply {
  readonly host: PluginHost;
  readonly answer: HostAnswer;
}

async function askHosts(
  setting: string,
  query: PluginQuery,
  dispatcher: Dispatcher,
  { timeoutSeconds, maxPageBytes }: Config["prebuild"],
): Promise<HostReply[]> {
  // Loaded on first use: the HTML tables cost more memory than the whole rest of this folder.
  const [{ askPluginHost, parsePluginHosts }, { fetchPage }] = await Promise.all([
    import("./plugin-host.ts"),
    import("../fetch/page.ts"),
  ]);
  const limit = pLimit(HOSTS_AT_ONCE);
  const deadline = new AbortController();
  setMaxListeners(0, deadline.signal); // a few for each page; Node warns from eleven on
  const timer = setTimeout(() => deadline.abort(), timeoutSeconds * 1000);
  const access = { dispatcher, deadline: deadline.signal, timeoutSeconds, maxPageBytes };
  try {
    return await Promise.all(
      parsePluginHosts(setting).map((host) =>
        limit(async () => ({ host, answer: await askPluginHost(host, query, (url) => fetchPage(url, access)) })),
      ),
    );
  } finally {
    clearTimeout(timer);
    deadline.abort(); // what is still under way, such as the body of an error page, is of no use any more
  }
}

/** @throws PluginError PLUGIN_HOSTS_FAILED when every one of them failed */
function mergeReplies(replies: readonly HostReply[]): Listing {
  const merged = new Map<string, string>();
  const failedHosts: string[] = [];
  const reasons: string[] = [];
  for (const { host, answer } of replies) {
    if ("failure" in answer) {
      failedHosts.push(host.redacted);
      reasons.push(`${host.redacted}: ${answer.failure}`);
      continue;
    }
    for (const [name, url] of answer.plugins) {
      if (!merged.has(name)) merged.set(name, url);
    }
  }
  if (replies.length > 0 && failedHosts.length === replies.length) {
    throw new PluginError("PLUGIN_HOSTS_FAILED", `no plugin host answered: ${reasons.join("; ")}`);
  }
  const plugins: Record<string, string> = Object.create(null);
  for (const name of [...merged.keys()].sort()) plugins[name] = merged.get(name) as string;
  return Object.freeze({ plugins: Object.freeze(plugins), failedHosts: Object.freeze(failedHosts) });
}

/** One agent for all listings, made on first use. Its idle connections end by themselves and hold no process up. */
function createDispatcher(timeoutSeconds: number): () => Promise<Dispatcher> {
  let agent: Promise<Dispatcher> | undefined;
  return () => {
    // By its default export: undici is CommonJS, and a bundle's chunk of it has no other.
    agent ??= import("undici").then(
      ({ default: { Agent } }) => new Agent({ connect: { timeout: timeoutSeconds * 1000 } }),
    );
    return agent;
  };
}
