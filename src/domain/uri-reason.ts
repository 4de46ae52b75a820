import { parseUrl } from "../lib/url.ts";

/** Says why an address is refused, for the end of a message: nothing of it is quoted but what its path ends in. */

const SCHEMES = "http://, https:// or file:///";

/**
 * @param uri without surrounding whitespace; not an `http`, `https` or `file` URL that can be used
 */
export function whyNoUrl(uri: string): string {
  if (uri === "") return `it is empty; it should be a URL that begins with ${SCHEMES}`;
  if (/\p{Cc}/u.test(uri)) return "it has a control character";
  if (/^[a-z]:[\\/]/i.test(uri)) return "it is a path of Windows; the server needs a URL";
  if (uri.includes("\\")) return "it has a backslash";
  if (uri.startsWith("/") && !uri.startsWith("//")) {
    return "it is a path; for a file of the server, put file:// before it";
  }
  if (/^file:/i.test(uri)) return whyNoFileUrl(uri);
  if (/^https?:/i.test(uri)) return whyNoHttpUrl(uri);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(uri)) return `its scheme is not supported; it should begin with ${SCHEMES}`;
  return `it has no scheme; it should begin with ${SCHEMES}`;
}

function whyNoFileUrl(uri: string): string {
  if (/^file:\/\/[^/]/i.test(uri)) {
    return "a file URL names no other computer; it should begin with file:/// and an absolute path";
  }
  if (!/^file:\//i.test(uri)) return "the path of a file URL should be absolute, as in file:///";
  return BROKEN_PATH;
}

const BROKEN_PATH = "its path has a broken percent-encoding, or an encoded character that no path can have";

function whyNoHttpUrl(uri: string): string {
  const host = /^https?:\/\/([^/?#]*)/i.exec(uri)?.[1];
  if (host === undefined || host === "") return "it has no host; two slashes and a host should follow the scheme";
  return parseUrl(uri) ? BROKEN_PATH : "its host or port is invalid";
}

const ZIP_URL = "it should be the URL of a zip, ending in .zip";

/** @param path decoded; it does not end in `.zip` */
export function whyNoZipUrl({ search, hash }: URL, path: string): string {
  if (/\.zip$/i.test(path)) return `its path ends in ${path.slice(-4)}; write .zip in lower case, and name the file so`;
  if (/\.zip\s+$/i.test(path)) return "its path has a blank after .zip";
  if (/\.zip\/+$/i.test(path)) return "its path has a slash after .zip";
  if (path.endsWith("/")) return `its path ends in a slash; ${ZIP_URL}`;
  if (/\.zip/i.test(search) || /\.zip/i.test(hash)) {
    return `its path should end in .zip, before the ${search.includes(".zip") ? "?" : "#"}`;
  }
  const extension = /(?:\.tar)?\.[a-z0-9]{1,10}$/i.exec(path)?.[0];
  return extension === undefined
    ? `its path does not end in .zip; ${ZIP_URL}`
    : `its path ends in ${extension}; ${ZIP_URL}`;
}
