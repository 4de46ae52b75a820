import { setMaxListeners } from "node:events";
import pLimit from "p-limit";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import type { PluginType } from "../domain/plugin.ts";
import type { Client } from "../fetch/client.ts";
import { FetchFailure } from "../fetch/failure.ts";
import { fetchPage } from "../fetch/page.ts";
import type { Log } from "../lib/log.ts";
import { Deadline } from "../lib/signals.ts";
import { createListingCache } from "./listing-cache.ts";
import type { HostFailure, Offer } from "./offer.ts";
import { detectPlatform, type Platform } from "./platform.ts";
import type { HostAnswer, PluginHost, PluginQuery } from "./plugin-host.ts";

/** Hosts asked at once; further ones wait, within the same time limit. */
const HOSTS_AT_ONCE = 8;

interface Listing {
  /** Name → URL of the zip, sorted by name. Has no prototype, so that every name is only itself. */
  readonly plugins: Readonly<Record<string, string>>;
  /** Hosts whose plugins may be missing, in the order of the settings; ASCII, without comma and credentials. */
  readonly failedHosts: readonly string[];
  /** Pages that were read and have no plugins for this system, such as that of a store for a missing path; as above. */
  readonly emptyPages: readonly string[];
}

/** The same with where each plugin is from and why a host failed. No host need have answered. */
interface DetailedListing {
  readonly offers: readonly Offer[];
  readonly failed: readonly HostFailure[];
}

export interface Catalogue {
  /**
   * The plugins of a type that the hosts offer for this system. Takes at most `timeoutSeconds`, whatever they do.
   *
   * @throws PluginError PLUGIN_HOSTS_FAILED when there are hosts and none of them answers
   */
  list(type: PluginType): Promise<Listing>;
  /** The same answers of the hosts, in detail; hosts that failed are in it, all of them included. Takes as long as `list`. */
  details(type: PluginType): Promise<DetailedListing>;
}

export interface CatalogueOptions {
  /** Its rules hold for plugin hosts too: one that `pluginDownload.allowedHosts` does not allow fails. */
  readonly client: Client;
  readonly config: Config["prebuild"];
  /** `basic.pluginHosts`. */
  readonly hosts: Config["basic"]["pluginHosts"];
  /** Gets a warning for each host that fails, when it fails. */
  readonly log: Pick<Log, "warn">;
  /** Told of each host that was asked, without credentials. */
  readonly onAnswer?: (host: string, isUp: boolean) => void;
  readonly platform?: () => Promise<Platform>;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
}

/** Does nothing before the first `list`: most servers are never asked for a listing. */
export function createCatalogue(options: CatalogueOptions): Catalogue {
  const { config, log, onAnswer, platform = () => detectPlatform(config), now = () => performance.now() } = options;
  const cache = createListingCache<PluginType, Answers>({
    seconds: config.cacheSeconds,
    isComplete: ({ failed }) => failed.length === 0,
    now,
  });

  async function load(type: PluginType): Promise<Answers> {
    const query = { version: config.version, type, platform: await platform() };
    const replies = await askHosts(query, options);
    for (const { host, answer } of replies) {
      onAnswer?.(host.redacted, !("failure" in answer));
      if ("failure" in answer) log.warn({ host: host.redacted, type, reason: answer.failure }, "a plugin host failed");
      else if (answer.empty !== undefined) {
        log.warn({ host: host.redacted, type, pages: answer.empty }, "a plugin host has pages, but no plugins on them");
      }
    }
    return mergeReplies(replies);
  }

  const get = (type: PluginType) => cache.get(type, () => load(type));
  return {
    async list(type) {
      const { listing, failed } = await get(type);
      if (listing !== undefined) return listing;
      const reasons = failed.map(({ host, reason }) => `${host}: ${reason}`);
      throw new PluginError("PLUGIN_HOSTS_FAILED", `no plugin host answered: ${reasons.join("; ")}`);
    },
    details: get,
  };
}

interface HostReply {
  readonly host: PluginHost;
  readonly answer: HostAnswer;
}

/** For `catch()`: a host that fails in a way that nobody foresaw must not hide the others. */
function unforeseen(log: CatalogueOptions["log"], { redacted: host }: PluginHost): (err: unknown) => HostAnswer {
  return (err) => {
    log.warn({ host, err }, "a plugin host failed in an unforeseen way");
    return { failure: "internal error; see the server's log" };
  };
}

async function askHosts(query: PluginQuery, options: CatalogueOptions): Promise<HostReply[]> {
  const { client, hosts, log } = options;
  const { timeoutSeconds, maxPageBytes } = options.config;
  // Loaded on first use: the HTML tables cost more memory than the whole rest of this folder.
  const { askPluginHost, parsePluginHosts } = await import("./plugin-host.ts");
  const limit = pLimit(HOSTS_AT_ONCE);
  const listing = new AbortController();
  using deadline = new Deadline(
    listing.signal,
    timeoutSeconds * 1000,
    () => new FetchFailure(`no answer within ${timeoutSeconds} s`),
  );
  const { signal } = deadline;
  setMaxListeners(0, signal); // a few for each page; Node warns from eleven on
  const readPage = (url: URL) => fetchPage(client, url, { signal, maxBytes: maxPageBytes, log });
  try {
    return await Promise.all(
      parsePluginHosts(hosts).map((host) =>
        limit(async () => ({ host, answer: await askPluginHost(host, query, readPage).catch(unforeseen(log, host)) })),
      ),
    );
  } finally {
    listing.abort(); // after a fault of ours, the other hosts are of no use any more
  }
}

/** What the hosts said, put together once. */
interface Answers extends DetailedListing {
  /** undefined where there are hosts and none of them answered. */
  readonly listing: Listing | undefined;
}

/** Of a plugin that several hosts offer, the first host counts. */
function mergeReplies(replies: readonly HostReply[]): Answers {
  const merged = new Map<string, Offer>();
  const failed: HostFailure[] = [];
  const emptyPages: string[] = [];
  for (const { host, answer } of replies) {
    const { redacted } = host;
    if ("failure" in answer) {
      failed.push({ host: redacted, url: redacted, reason: answer.failure });
      continue;
    }
    emptyPages.push(...(answer.empty ?? []).map(({ page }) => page));
    for (const [name, url] of answer.plugins) {
      if (!merged.has(name)) merged.set(name, { name, url, host: redacted });
    }
  }
  const offers = [...merged.keys()].sort().map((name) => merged.get(name) as Offer);
  if (replies.length > 0 && failed.length === replies.length) return { offers, failed, listing: undefined };
  const plugins: Record<string, string> = Object.create(null);
  for (const { name, url } of offers) plugins[name] = url;
  const failedHosts = Object.freeze(failed.map(({ host }) => host));
  return { offers, failed, listing: Object.freeze({ plugins: Object.freeze(plugins), failedHosts, emptyPages }) };
}
