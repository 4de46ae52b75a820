import { parsePluginHosts } from "../../catalogue/plugin-host.ts";
import { FetchFailure } from "../../fetch/failure.ts";
import { hostAndPort } from "../../fetch/hosts.ts";
import { createProxyRule, type ProxySettings } from "../../fetch/proxy.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** Which proxy each plugin host is asked through, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export async function* proxies({ config, env, proxy }: Situation): AsyncIterable<Observation> {
  if (Object.keys(proxy).length === 0) {
    if (env.ALL_PROXY || env.all_proxy) {
      return yield warning("ALL_PROXY is not read: hosts are asked directly", "set HTTP_PROXY and HTTPS_PROXY");
    }
    return yield ok("no proxy is set: hosts are asked directly");
  }
  for (const scheme of ["http", "https"]) {
    try {
      createProxyRule({ ...proxy, noProxy: "" })(new URL(`${scheme}://host.invalid`));
    } catch (error) {
      if (!(error instanceof FetchFailure)) throw error;
      yield failure(error.message, "set it to the address of an http or https proxy, such as http://proxy:3128");
    }
  }
  for (const { url, redacted } of parsePluginHosts(config.basic.pluginHosts)) {
    if (url !== undefined) yield ok(`${redacted} is asked ${wayTo(new URL(url), proxy)}`);
  }
}

/** `directly`, or through which proxy; without its credentials. */
export function wayTo(url: URL, settings: ProxySettings): string {
  try {
    const proxy = createProxyRule(settings)(url);
    return proxy === undefined ? "directly" : `through the proxy ${hostAndPort(proxy)}`;
  } catch {
    return "through a proxy whose address can't be used";
  }
}
