import { BlockList, isIP } from "node:net";
import { DownloadFailure } from "./failure.ts";
import { hostAndPort } from "./hosts.ts";

/** As the usual environment variables have them: `http://user:password@host:port`, `host:port`, `.example.com,10.0.0.0/8`. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** The proxy to ask for `url`, or undefined to connect directly. */
export type ProxyRule = (url: URL) => URL | undefined;

/** The rules are those of Go's net/http, which the original has: a loopback address is never asked of a proxy. */
export function createProxyRule({ httpProxy, httpsProxy, noProxy }: ProxySettings): ProxyRule {
  const exceptions = (noProxy ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return (url) => {
    const secure = url.protocol === "https:";
    const given = ((secure ? httpsProxy : httpProxy) ?? "").trim();
    if (given === "" || isLoopback(url.hostname) || exceptions.some((entry) => isException(entry, url)))
      return undefined;
    return parseProxy(given, secure ? "HTTPS_PROXY" : "HTTP_PROXY");
  };
}

/** The value may hold a password, so no message quotes it. */
function parseProxy(given: string, variable: string): URL {
  const text = given.includes("://") ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !["http:", "https:"].includes(proxy.protocol)) {
    throw new DownloadFailure(`${variable} is not the address of an http or https proxy`);
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
