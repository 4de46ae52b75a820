import type { IncomingHttpHeaders } from "node:http";

/** The site by which a browser came, as a reverse proxy tells it. */
export interface ForwardedSite {
  /** With its port, in lower case. */
  readonly host: string;
  /** Absent where the proxy does not say whether the browser came by TLS. */
  readonly scheme: "http" | "https" | undefined;
}

/**
 * Reads X-Forwarded-Host and X-Forwarded-Proto. To be called for requests of trusted proxies alone. Of a list the last
 * item counts: the nearest proxy has added it, and what is before it may have come from the browser. A proxy that names
 * the scheme alone has passed on Host.
 *
 * @returns undefined where there is neither, or what is there is no host
 */
export function forwardedSite(headers: IncomingHttpHeaders): ForwardedSite | undefined {
  const scheme = lastOf(headers["x-forwarded-proto"]);
  const host = lastOf(headers["x-forwarded-host"]) ?? (scheme === undefined ? undefined : headers.host);
  if (host === undefined || !/^[^\s/?#@\\]+$/.test(host)) return undefined;
  return { host: host.toLowerCase(), scheme: scheme === "http" || scheme === "https" ? scheme : undefined };
}

/** Whether an Origin header names that site. Browsers leave the usual port out, and proxies may have it in. */
export function isOriginOf(origin: string, { host, scheme }: ForwardedSite): boolean {
  const found = URL.canParse(origin) ? new URL(origin) : undefined;
  if (found?.origin !== origin.toLowerCase() || !/^https?:$/.test(found.protocol)) return false;
  const site = `${scheme ?? found.protocol.slice(0, -1)}://${host}`;
  return URL.canParse(site) && new URL(site).origin === found.origin;
}

function lastOf(header: string | string[] | undefined): string | undefined {
  const last = [header ?? ""].flat().join(",").split(",").at(-1)?.trim().toLowerCase();
  return last === "" ? undefined : last;
}
