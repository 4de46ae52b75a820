import { fileURLToPath } from "node:url";
import { quoted } from "../lib/text.ts";
import { parseUrl } from "../lib/url.ts";
import { PluginError } from "./errors.ts";
import { whyNoUrl, whyNoZipUrl } from "./uri-reason.ts";

/** Where a plugin's zip, or another file, is. */
export interface PluginUri {
  /** With credentials: for the download alone. */
  readonly url: URL;
  /** Without credentials: for replies, logs and the registry. */
  readonly redacted: string;
}

/** Longer ones are refused: browsers and servers take no more than this either. */
export const MAX_URI_LENGTH = 8192;

const ZIP_SUFFIX = ".zip";

/** The accepted forms, checked on the raw string because `URL` silently repairs what is wrong. */
const HTTP_FORM = /^https?:\/\/[^/\\?#]/i;
const FILE_FORM = /^file:\/(?!\/)|^file:\/\/(localhost)?\//i;
/** `URL` drops control characters and turns backslashes into slashes: what was checked must be what is used. */
const UNCLEAN = /[\p{Cc}\\]|^\s|\s$/u;

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const AUTHORITY_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i;

/** How much of an address is shown: paths are seldom longer, and the values of queries are not shown at all. */
const MAX_SHOWN = 2000;

/**
 * The rule for the address of a zip: an absolute `http`, `https` or `file` URL whose path ends in `.zip`. A query may
 * follow (presigned URLs have one). Whitespace around it is dropped, as around names.
 *
 * @throws PluginError URI_INVALID
 */
export function checkPluginUri(input: string | null | undefined): PluginUri {
  const uri = checkUri(input);
  const path = decodedPath(uri.url) ?? "";
  if (!path.endsWith(ZIP_SUFFIX)) throw invalidUri(uri.redacted, whyNoZipUrl(uri.url, path));
  return uri;
}

/**
 * The rule for the address of any file: as for a zip, without the `.zip`.
 *
 * @throws PluginError URI_INVALID
 */
export function checkUri(input: string | null | undefined): PluginUri {
  const uri = (input ?? "").trim();
  const redacted = shownUri(uri);
  const url = parse(uri);
  if (url === undefined || decodedPath(url) === undefined) throw invalidUri(redacted, whyNoUrl(uri));
  return { url, redacted };
}

function invalidUri(redacted: string, reason: string): PluginError {
  return new PluginError("URI_INVALID", `invalid uri ${redacted}: ${reason}`);
}

/** An address for a message, the log or the registry: without credentials, printable and cut where it is very long. */
export function shownUri(uri: string): string {
  return quoted(withoutCredentials(uri), MAX_SHOWN);
}

/**
 * Redacts a URL: user, password, the values of a query (signatures, tokens) and a fragment are replaced by `***`.
 * Everything else stays as it was.
 *
 * It runs on every logged path, before anybody has checked anything: all of it looks for single characters, so that
 * twice the length takes twice the time.
 */
export function withoutCredentials(uri: string): string {
  const isPlain = hasPlainAuthority(uri) && !hasPasswordLikePort(uri);
  return withoutQueryValues(withoutFragment(isPlain ? withoutUserInfo(uri) : withoutAnyUserInfo(uri)));
}

const AUTHORITY_MARK = "://";

/** Where the authority begins in `scheme://authority/path`; undefined where the first colon has no `//` after it. */
function authorityStart(uri: string): number | undefined {
  const colon = uri.indexOf(":");
  return colon !== -1 && uri.startsWith(AUTHORITY_MARK, colon) ? colon + AUTHORITY_MARK.length : undefined;
}

/** The first place at or after `from` that has one of these characters, or the end. */
function indexOfAny(uri: string, characters: string, from: number): number {
  let index = from;
  while (index < uri.length && !characters.includes(uri.charAt(index))) index += 1;
  return index;
}

function withoutUserInfo(uri: string): string {
  const start = authorityStart(uri);
  if (start === undefined) return uri;
  const at = uri.slice(start, indexOfAny(uri, "/?#", start)).lastIndexOf("@");
  return at === -1 ? uri : `${uri.slice(0, start)}***${uri.slice(start + at)}`;
}

/** `http://user:12?34@host/`: a password that begins with digits looks like a port, and the rest of it like a query. */
function hasPasswordLikePort(uri: string): boolean {
  const start = authorityStart(uri);
  if (start === undefined) return false;
  const end = indexOfAny(uri, "/?#@", start);
  const mark = uri.charAt(end);
  if ((mark !== "?" && mark !== "#") || uri.lastIndexOf("@") < end) return false;
  let before = end - 1;
  while (before >= start && isDigit(uri.charCodeAt(before))) before -= 1;
  return before >= start && uri.charAt(before) === ":";
}

/** Without a clean URL the `@` can be anywhere, as in a password with a slash: all is redacted up to the last one. */
function withoutAnyUserInfo(uri: string): string {
  const at = uri.lastIndexOf("@");
  if (at === -1) return uri;
  const before = uri.slice(0, at);
  if (!before.includes(":") && !before.includes("//")) return uri;
  let start = SCHEME.exec(uri)?.[0].length ?? 0;
  while (uri.charAt(start) === "/" || uri.charAt(start) === "\\") start += 1;
  return `${uri.slice(0, start)}***${uri.slice(at)}`;
}

function withoutFragment(uri: string): string {
  const hash = uri.indexOf("#");
  return hash === -1 ? uri : `${uri.slice(0, hash)}#***`;
}

function withoutQueryValues(uri: string): string {
  const start = uri.indexOf("?") + 1;
  if (start === 0) return uri;
  const hash = uri.indexOf("#", start);
  const end = hash === -1 ? uri.length : hash;
  const parameters = uri.slice(start, end).split("&");
  return uri.slice(0, start) + parameters.map(redactedParameter).join("&") + uri.slice(end);
}

function redactedParameter(parameter: string): string {
  if (parameter === "") return "";
  return parameter.includes("=") ? `${parameter.slice(0, parameter.indexOf("="))}=***` : "***";
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
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
