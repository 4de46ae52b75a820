import { isIP } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Config } from "../../config/schema.ts";
import { PluginError } from "../../domain/errors.ts";
import { addressRule } from "../../lib/addresses.ts";
import { quoted } from "../../lib/text.ts";
import { type ForwardedSite, forwardedSite, isOriginOf } from "./forwarded-site.ts";
import { READING_METHODS } from "./request-log.ts";

/** Browsers send at least one of these with what a page asks for; programs send none. */
const BROWSER_HEADERS: readonly string[] = ["origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];

/**
 * Keeps web pages out. An install runs a shell script, so a page that its visitor's browser can make post here could
 * do anything to the gateway. curl, scripts and the servers of dashboards send none of the headers looked at.
 */
export function guardAgainstPages(app: FastifyInstance, config: Config["http"]): void {
  const isListed = createOriginRule(config.allowedOrigins);
  const hosts = new Set(config.allowedHosts.map((host) => host.toLowerCase()));
  const isTrusted = addressRule(config.trustedProxies);

  app.addHook("onRequest", (request, _reply, done) => {
    const { headers, method } = request;
    if (!BROWSER_HEADERS.some((name) => name in headers)) return done();
    const { origin, "sec-fetch-site": fetchSite } = headers;
    if (isListed(origin)) return done();
    const site = isTrusted(request.raw.socket.remoteAddress) ? forwardedSite(headers) : undefined;
    const objection =
      // A proxy that says by which site a browser came answers for that name: rebinding ends at the proxy.
      (site === undefined ? hostObjection(headers.host, hosts) : undefined) ??
      (READING_METHODS.includes(method) && request.passedOn !== "write"
        ? undefined
        : siteObjection(site ?? headers.host, origin, fetchSite));
    return done(objection === undefined ? undefined : new PluginError("CROSS_SITE_REFUSED", objection));
  });
}

/** Whether an Origin header names a page of `http.allowedOrigins`. Browsers write it in lower case and without a slash. */
export function createOriginRule(allowed: readonly string[]): (origin: string | undefined) => boolean {
  const origins = new Set(allowed.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  return (origin) => origin !== undefined && origins.has(origin.toLowerCase());
}

/** Against DNS rebinding: a page whose name was made to point here would pass for our own. */
function hostObjection(host: string | undefined, allowed: ReadonlySet<string>): string | undefined {
  const name = hostName(host ?? "");
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || allowed.has(name)) return undefined;
  return `a browser may not address this server as "${quoted(name)}"; list that name in http.allowedHosts to allow it`;
}

/** @param site our host, or the site that a trusted proxy names */
function siteObjection(
  site: string | ForwardedSite | undefined,
  origin: string | undefined,
  fetchSite: unknown,
): string | undefined {
  // "same-site" is another port or subdomain, so another application. "none" is the address bar.
  const isOurs =
    (fetchSite === undefined || fetchSite === "same-origin" || fetchSite === "none") &&
    (origin === undefined ||
      (typeof site === "object" ? isOriginOf(origin, site) : originHost(origin) === site?.toLowerCase()));
  if (isOurs) return undefined;
  const page = `a page of another site (${quoted(origin ?? "unknown")})`;
  return `${page} may not do this; list its origin in http.allowedOrigins to allow it`;
}

/** The host and port of an origin. Its scheme is not compared: behind a proxy that ends TLS it differs from ours. */
function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
}

/** The host without its port, and an IPv6 address without its brackets. */
function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1");
}
