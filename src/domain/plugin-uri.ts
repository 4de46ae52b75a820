import { fileURLToPath } from "node:url";
import { printable } from "../lib/text.ts";
import { parseUrl } from "../lib/url.ts";
import { PluginError } from "./errors.ts";

/** Where a plugin's zip, or another file, is. */
export interface PluginUri {
  /** With credentials: for the download alone. */
  readonly url: URL;
  /** Without credentials: for replies, logs and the registry. */
  readonly redacted: string;
}

const ZIP_SUFFIX = ".zip";

/** The accepted forms, checked on the raw string because `URL` silently repairs what is wrong. */
const HTTP_FORM = /^https?:\/\/[^/\\?#]/i;
const FILE_FORM = /^file:\/(?!\/)|^file:\/\/(localhost)?\//i;
/** `URL` drops control characters and turns backslashes into slashes: what was checked must be what is used. */
const UNCLEAN = /[\p{Cc}\\]|^\s|\s$/u;

const AUTHORITY_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i;
const USER_INFO = /^([^:]*:\/\/)[^/?#]*@/;
/** Without a clean URL the `@` can be anywhere, as in a password with a slash: all is redacted up to the last one. */
const ANY_USER_INFO = /^(?=.*(?::|\/\/).*@)((?:[a-z][a-z0-9+.-]*:)?[/\\]*).*@/is;

/** `http://user:12?34@host/`: a password that begins with digits looks like a port, and the rest of it like a query. */
const PASSWORD_LIKE_PORT = /^[^:]*:\/\/[^/?#@]*:\d*[?#].*@/s;

/**
 * The rule for the address of a zip: an absolute `http`, `https` or `file` URL whose path ends in `.zip`. A query may
 * follow (presigned URLs have one).
 *
 * @throws PluginError URI_INVALID
 */
export function checkPluginUri(input: string | null | undefined): PluginUri {
  const uri = checkUri(input);
  if (!decodedPath(uri.url)?.endsWith(ZIP_SUFFIX)) throw invalidUri(uri.redacted);
  return uri;
}

/**
 * The rule for the address of any file: as for a zip, without the `.zip`.
 *
 * @throws PluginError URI_INVALID
 */
export function checkUri(input: string | null | undefined): PluginUri {
  const uri = input ?? "";
  const redacted = printable(withoutCredentials(uri));
  const url = parse(uri);
  if (url === undefined || decodedPath(url) === undefined) throw invalidUri(redacted);
  return { url, redacted };
}

function invalidUri(redacted: string): PluginError {
  return new PluginError("URI_INVALID", `invalid uri ${redacted}`);
}

/**
 * Redacts a URL: user, password, the values of a query (signatures, tokens) and a fragment are replaced by `***`.
 * Everything else stays as it was.
 */
export function withoutCredentials(uri: string): string {
  const userInfo = hasPlainAuthority(uri) && !PASSWORD_LIKE_PORT.test(uri) ? USER_INFO : ANY_USER_INFO;
  return uri
    .replace(userInfo, "$1***@")
    .replace(/#.*$/s, "#***")
    .replace(/\?([^#]*)/, (_, query: string) => `?${query.replace(/[^&]+/g, redactedParameter)}`);
}

function redactedParameter(parameter: string): string {
  return parameter.includes("=") ? `${parameter.slice(0, parameter.indexOf("="))}=***` : "***";
}

/** Whether user and password, if there are any, are where they belong; `URL` also finds them elsewhere. */
function hasPlainAuthority(uri: string): boolean {
  return !UNCLEAN.test(uri) && (AUTHORITY_FORM.test(uri) || FILE_FORM.test(uri)) && parseUrl(uri) !== undefined;
}

function parse(uri: string): URL | undefined {
  if (UNCLEAN.test(uri) || !(HTTP_FORM.test(uri) || FILE_FORM.test(uri))) return undefined;
  return parseUrl(uri);
}

function decodedPath(url: URL): string | undefined {
  try {
    const path = url.protocol === "file:" ? fileURLToPath(url) : decodeURIComponent(url.pathname);
    return path.includes("\0") ? undefined : path;
  } catch {
    return undefined; // a broken or forbidden percent-encoding
  }
}
