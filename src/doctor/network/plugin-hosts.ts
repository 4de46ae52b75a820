import { setMaxListeners } from "node:events";
import { detectPlatform } from "../../catalogue/platform.ts";
import { askPluginHost, type HostAnswer, type PluginHost, parsePluginHosts } from "../../catalogue/plugin-host.ts";
import { PLUGIN_TYPES } from "../../domain/plugin.ts";
import { createClient } from "../../fetch/client.ts";
import { FetchFailure } from "../../fetch/failure.ts";
import { fetchPage } from "../../fetch/page.ts";
import { SILENT } from "../../lib/log.ts";
import { Deadline } from "../../lib/signals.ts";
import { count } from "../../lib/text.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { wayTo } from "./proxies.ts";

/** More hosts than anybody has: each may take `prebuild.timeoutSeconds`. */
const MAX_HOSTS = 20;

/** Asks each plugin host for its listing, as `GET /plugins/T/prebuild` does. */
export async function* pluginHosts(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const { config, proxy, base } = situation;
  const { timeoutSeconds, maxPageBytes: maxBytes, version } = config.prebuild;
  const hosts = parsePluginHosts(config.basic.pluginHosts);
  if (hosts.length === 0) return yield skipped("basic.pluginHosts names none");
  const client = createClient({ config: config.pluginDownload, proxy, baseFolder: base });
  const platform = await detectPlatform(config.prebuild);
  const wanted = `${platform.os} on ${platform.arch}, engine ${version}`;
  for (const host of hosts.slice(0, MAX_HOSTS)) {
    const way = host.url === undefined ? "" : `, asked ${wayTo(new URL(host.url), proxy)}`;
    const late = () => new FetchFailure(`no answer within ${timeoutSeconds} s`);
    using deadline = new Deadline(signal, timeoutSeconds * 1000, late);
    setMaxListeners(0, deadline.signal); // a few for each page; Node warns from eleven on
    const readPage = (url: URL) => fetchPage(client, url, { signal: deadline.signal, maxBytes, log: SILENT });
    const answers = await Promise.all(
      PLUGIN_TYPES.map((type) => askPluginHost(host, { version, type, platform }, readPage)),
    );
    yield* about(host, answers, { way, wanted });
  }
}

interface Words {
  readonly way: string;
  readonly wanted: string;
}

function* about({ redacted }: PluginHost, answers: readonly HostAnswer[], words: Words): Iterable<Observation> {
  const { way, wanted } = words;
  const failures = answers.flatMap((answer) => ("failure" in answer ? [answer.failure] : []));
  const found = answers.reduce((sum, answer) => sum + ("failure" in answer ? 0 : answer.plugins.size), 0);
  if (found > 0) return yield ok(`${redacted} has ${count(found, "plugin")} for ${wanted}${way}`);
  if (failures.length === answers.length) {
    return yield failure(
      `${redacted} fails: ${[...new Set(failures)].join("; ")}${way}`,
      "correct basic.pluginHosts, the proxy or prebuild.version, os and arch; empty basic.pluginHosts to ask nobody",
    );
  }
  const pages = answers.flatMap((answer) => ("failure" in answer ? [] : (answer.empty ?? [])));
  const shown = pages.map(({ page, contentType }) => `${page} (${contentType})`).join(", ");
  yield warning(
    `${redacted} answers, and has no plugins for ${wanted}${way}: ${shown}`,
    "prebuild.version, prebuild.os and prebuild.arch make the path and the names: set them as that host has them",
  );
}
