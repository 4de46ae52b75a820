import { fileURLToPath } from "node:url";
import { printable } from "../lib/text.ts";
import { PluginError } from "./errors.ts";

/** Where a plugin's zip, or another file, is. */
export interface PluginUri {
  /** With credentials: for the download alone. */
  readonly url: URL;
  /** Without credentials: for replies, logs and the registry. */
  readonly redacted: string;
}

const ZIP_SUFFIX = ".zip";

/** The forms that are accepted, checked on the raw text because `URL` quietly repairs what is wrong. */
const HTTP_FORM = /^https?:\/\/[^/\\?#]/i;
const FILE_FORM = /^file:\/(?!\/)|^file:\/\/(localhost)?\//i;
/** `URL` drops control characters and turns backslashes into slashes: what was checked must be what is used. */
const UNCLEAN = /[\p{Cc}\\]|^\s|\s$/u;

const AUTHORITY_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i;
const USER_INFO = /^([^:]*:\/\/)[^/?#]*@/;
/** What is no clean URL may have its `@` anywhere, as in a password with a slash: up to the last one all is hidden. */
const ANY_USER_INFO = /^(?=.*(?::|\/\/).*@)((?:[a-z][a-z0-9+.-]*:)?[/\\]*).*@/is;

/** `http://user:12?34@host/`: a password that begins with digits passes for a port, and its rest for a query. */
const PASSWORD_LIKE_PORT = /^[^:]*:\/\/[^/?#@]*:\d*[?#].*@/s;

/**
 * The rule for a zip's address: an absolute `http`, `https` or `file` URL whose path ends in `.zip`. A query may
 * follow (presigned URLs have one).
 *
 * @throws PluginError URI_INVALID
 */
export function checkPluginUri(given: string | null | undefined): PluginUri {
  const uri = checkUri(given);
  if (!decodedPath(uri.url)?.endsWith(ZIP_SUFFIX)) throw invalidUri(uri.redacted);
  return uri;
}

/**
 * The rule for the address of any file: as for a zip's, but for the `.zip`.
 *
 * @throws PluginError URI_INVALID
 */
export function checkUri(given: string | null | undefined): PluginUri {
  const text = given ?? "";
  const shown = printable(withoutCredentials(text));
  const url = parse(text);
  if (url === undefined || decodedPath(url) === undefined) throw invalidUri(shown);
  return { url, redacted: shown };
}

function invalidUri(shown: string): PluginError {
  return new PluginError("URI_INVALID", `invalid uri ${shown}`);
}

/**
 * A URL that can be shown: user, password, the values of a query (signatures, tokens) and a fragment are replaced by
 * `***`. Anything else stays as it was given.
 */
export function withoutCredentials(text: string): string {
  const userInfo = hasPlainAuthority(text) && !PASSWORD_LIKE_PORT.test(text) ? USER_INFO : ANY_USER_INFO;
  return text
    .replace(userInfo, "$1***@")
    .replace(/#.*$/s, "#***")
    .replace(/\?([^#]*)/, (_, query: string) => `?${query.replace(/[^&]+/g, hiddenParameter)}`);
}

function hiddenParameter(parameter: string): string {
  return parameter.includes("=") ? `${parameter.slice(0, parameter.indexOf("="))}=***` : "***";
}

/** Whether user and password, if there are any, are just where they should be; `URL` also finds them elsewhere. */
function hasPlainAuthority(text: string): boolean {
  return URL.canParse(text) && !UNCLEAN.test(text) && (AUTHORITY_FORM.test(text) || FILE_FORM.test(text));
}

function parse(text: string): URL | undefined {
  if (UNCLEAN.test(text) || !(HTTP_FORM.test(text) || FILE_FORM.test(text))) return undefined;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decodedPath(url: URL): string | undefined {
  try {
    const path = url.protocol === "file:" ? fileURLToPath(url) : decodeURIComponent(url.pathname);
    return path.includes("\0") ? undefined : path;
  } catch {
    return undefined; // a path with a broken or forbidden percent-encoding names nothing
  }
}
