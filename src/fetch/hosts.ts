import { resolve, sep } from "node:path";
import { parseUrl } from "../lib/url.ts";

/** `host:port` as it is connected to, also where the URL leaves the port out. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}

export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

/**
 * The rule of `pluginDownload.allowedHosts`, for zips, signatures and plugin hosts: `example.com`, `*.example.com` (every name below it, not itself), each
 * with or without a port. An empty list allows all.
 */
export function createHostRule(allowed: readonly string[]): (url: URL) => boolean {
  const rules = allowed.map(parseHostRule);
  return (url) => rules.length === 0 || rules.some((matches) => matches(url));
}

function parseHostRule(entry: string): (url: URL) => boolean {
  const rule = entry.trim();
  const isWildcard = rule.startsWith("*.");
  const host = isWildcard ? rule.slice(2) : rule;
  // A bare IPv6 address has colons but neither brackets nor a port.
  const address = /^[^[]*:[^[]*:/.test(host) ? `[${host}]` : host;
  const [, name = address, port] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  const wanted = canonicalName(name);
  return (url) => {
    if (wanted === undefined || (port !== undefined && !hostAndPort(url).endsWith(`:${port}`))) return false;
    const actual = withoutRootDot(url.hostname);
    return isWildcard ? actual.endsWith(`.${wanted}`) && actual !== `.${wanted}` : actual === wanted;
  };
}

/** As `URL` writes it: lower case, IDNA, IPv4 and IPv6 in their usual forms. */
function canonicalName(name: string): string | undefined {
  const url = parseUrl(`http://${name}/`);
  return url && withoutRootDot(url.hostname);
}

/** `example.com.` is the same host as `example.com`. */
function withoutRootDot(hostname: string): string {
  return hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
}

/** Whether the absolute `path` is below `folder`; `/a/plugins-evil/x` is not below `/a/plugins`. */
export function isBelow(folder: string, path: string): boolean {
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  return resolve(path).startsWith(prefix);
}
