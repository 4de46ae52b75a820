import { BlockList, isIP } from "node:net";
import { plainValue } from "../lib/environment.ts";
import { printable } from "../lib/text.ts";
import { parseUrl } from "../lib/url.ts";
import { FetchFailure } from "./failure.ts";
import { hostAndPort } from "./hosts.ts";

/** As the usual environment variables have them: `http://user:password@host:port`, `host:port`, `.example.com,10.0.0.0/8`. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** The proxy to ask for `url`, or undefined to connect directly. */
export type ProxyRule = (url: URL) => URL | undefined;

/** The usual variables of `env`, in either case; one that is empty counts as not set, as in Go. The original honours them too. */
export function proxySettings(env: NodeJS.ProcessEnv): ProxySettings {
  const value = (name: string) => {
    const values = [env[name], env[name.toUpperCase()]].map((text) => plainValue(text ?? ""));
    return values.find((text) => text !== "");
  };
  const settings = { httpProxy: value("http_proxy"), httpsProxy: value("https_proxy"), noProxy: value("no_proxy") };
  return Object.fromEntries(Object.entries(settings).filter(([, setting]) => setting !== undefined));
}

/** The rules are those of Go's net/http, which the original has: a loopback address is never asked of a proxy. */
export function createProxyRule({ httpProxy, httpsProxy, noProxy }: ProxySettings): ProxyRule {
  const exceptions = (noProxy ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return (url) => {
    const secure = url.protocol === "https:";
    const setting = ((secure ? httpsProxy : httpProxy) ?? "").trim();
    if (setting === "" || isLoopback(url.hostname) || exceptions.some((entry) => isException(entry, url)))
      return undefined;
    return parseProxy(setting, secure ? "HTTPS_PROXY" : "HTTP_PROXY");
  };
}

/** The value may hold a password, so no message quotes it. */
function parseProxy(setting: string, variable: string): URL {
  const address = setting.includes("://") ? setting : `http://${setting}`;
  const proxy = parseUrl(address);
  if (proxy === undefined) throw new FetchFailure(`${variable} is not the address of an http or https proxy`);
  const { protocol, host } = proxy;
  if (protocol !== "http:" && protocol !== "https:") {
    const address = printable(`${protocol}//${host}`);
    throw new FetchFailure(`${variable} names ${address}, which is not supported; set it to an http or https proxy`);
  }
  return proxy;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));
}

function isException(entry: string, url: URL): boolean {
  if (entry === "*") return true;
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (entry.includes("/")) return isInSubnet(entry, host);
  const [, name = entry, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  if (port !== undefined && !hostAndPort(url).endsWith(`:${port}`)) return false;
  const wanted = name.replace(/^\[|\]$/g, "").toLowerCase();
  const below = wanted.replace(/^\*?\./, "");
  return host === wanted || host.endsWith(`.${below}`);
}

function isInSubnet(entry: string, host: string): boolean {
  const [network = "", bits = ""] = entry.split("/");
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), type);
  return list.check(host, type);
}
