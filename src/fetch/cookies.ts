import { isHeaderValue } from "../lib/header-value.ts";

/** More than any login needs; further cookies are ignored. */
const MAX_COOKIES = 50;
/** Characters of a name and its value, as browsers take them. */
const MAX_LENGTH = 4096;

interface Cookie {
  readonly pair: string;
  readonly domain: string;
  /** Whether hosts below `domain` get it too. */
  readonly forSubdomains: boolean;
  readonly path: string;
  readonly secure: boolean;
}

/**
 * The cookies that redirects set on the way of one download, as some artefact stores need it (RFC 6265, 5.3 and 5.4).
 * No list of public suffixes: the jar ends with the download, and a host that sends a client elsewhere could as well
 * put into the address what it puts into a cookie.
 */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** @param lines the Set-Cookie headers of a reply that came from `url` */
  add(url: URL, lines: readonly string[] = []): void {
    for (const line of lines) {
      const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
      const end = pair.indexOf("=");
      if (end < 1 || pair.length > MAX_LENGTH || !isHeaderValue(pair)) continue;
      const values = new Map(attributes.map(attribute));
      const domain = (values.get("domain") ?? "").replace(/^\./, "").toLowerCase();
      if (domain !== "" && !isWithin(url.hostname, domain)) continue;
      const cookie: Cookie = {
        pair,
        domain: domain || url.hostname,
        forSubdomains: domain !== "",
        path: values.get("path")?.startsWith("/") ? (values.get("path") ?? "/") : defaultPath(url),
        secure: values.has("secure"),
      };
      const key = JSON.stringify([pair.slice(0, end), cookie.domain, cookie.path]);
      if (Number(values.get("max-age")) <= 0) this.#cookies.delete(key);
      else if (this.#cookies.has(key) || this.#cookies.size < MAX_COOKIES) this.#cookies.set(key, cookie);
    }
  }

  /** The Cookie header for a request to `url`; undefined where there is none to send. */
  headerFor(url: URL): string | undefined {
    const fitting = [...this.#cookies.values()].filter(
      ({ domain, forSubdomains, path, secure }) =>
        (forSubdomains ? isWithin(url.hostname, domain) : url.hostname === domain) &&
        isBelowPath(url.pathname, path) &&
        (!secure || url.protocol === "https:"),
    );
    return fitting.length === 0 ? undefined : fitting.map(({ pair }) => pair).join("; ");
  }
}

function attribute(part: string): [name: string, value: string] {
  const end = part.indexOf("=");
  return end === -1 ? [part.toLowerCase(), ""] : [part.slice(0, end).trim().toLowerCase(), part.slice(end + 1).trim()];
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

function isBelowPath(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The folder of the path that set it. */
function defaultPath({ pathname }: URL): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf("/")));
}
