import type { PluginType } from "../domain/plugin.ts";
import { FetchFailure } from "../fetch/failure.ts";
import type { Page } from "../fetch/page.ts";
import { plainValue } from "../lib/environment.ts";
import { parseUrl } from "../lib/url.ts";
import { pickPlugins, readLinks } from "./index-page.ts";
import type { Platform } from "./platform.ts";

/** A server with prebuilt plugins, as the settings name it. */
export interface PluginHost {
  /** For the log, replies and a header: ASCII, without comma and credentials. */
  readonly redacted: string;
  /** With credentials, without a slash at its end; absent if the setting is no http or https address. */
  readonly url?: string;
}

export interface PluginQuery {
  /** The engine's version. */
  readonly version: string;
  readonly type: PluginType;
  readonly platform: Platform;
}

/** What a host offers, name → URL of the zip; or why it could not be asked. */
export type HostAnswer =
  | {
      readonly plugins: ReadonlyMap<string, string>;
      /** Where there are none: the pages that were read, ASCII, without comma and credentials, and what each was. */
      readonly empty?: readonly { readonly page: string; readonly contentType: string }[];
    }
  | { readonly failure: string };

/** What `URL` makes of a name or an address; it also takes quotes and other signs that no request could be sent with. */
const HOST_NAME = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/;

/** @throws FetchFailure */
export type ReadPage = (url: URL) => Promise<Page>;

/**
 * The hosts of `basic.pluginHosts`: separated by commas, https unless a scheme is given. Empty ones and repeated
 * ones are left out, and so are the quotes that a compose file leaves around a value.
 */
export function parsePluginHosts(setting: string): PluginHost[] {
  const entries = plainValue(setting).split(",").map(plainValue);
  const hosts = entries.flatMap((entry, index) => (entry === "" ? [] : [parsePluginHost(entry, index + 1)]));
  const seen = new Set<string>();
  return hosts.filter(({ redacted, url = redacted }) => !seen.has(url) && seen.add(url));
}

function parsePluginHost(entry: string, position: number): PluginHost {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(entry) ? entry : `https://${entry}`;
  // Named by its position: where this is no URL, a password can't be told from the rest.
  const url = /^https?:/i.test(address) ? parseUrl(address) : undefined;
  if (url === undefined || !HOST_NAME.test(url.hostname)) return { redacted: `entry ${position} of pluginHosts` };
  const { protocol, username, password, host, pathname } = url;
  const user = username === "" && password === "" ? "" : `${username}:${password}@`;
  const place = host + withoutSlashes(pathname);
  return { redacted: `${protocol}//${place}`, url: `${protocol}//${user}${place}` };
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (path.charAt(end - 1) === "/") end -= 1;
  return path.slice(0, end);
}

/**
 * Asks a host for its plugins. The original's packages are at `<version>/<os>/<type>`, the documents' sample shows
 * `<version>/<type>/<os>`: both are read at the same time, and the first wins for a name. One that can't be had
 * does not count while the other can.
 */
export async function askPluginHost(host: PluginHost, query: PluginQuery, readPage: ReadPage): Promise<HostAnswer> {
  if (host.url === undefined) return { failure: "not an http or https address" };
  const { version, type, platform } = query;
  const orders = [
    [version, platform.os, type],
    [version, type, platform.os],
  ];
  const answers = await Promise.all(
    orders.map(async (order) => {
      const path = ["kuiper-plugins", ...order.map(encodeURIComponent)].join("/");
      const folder = new URL(`${host.url}/${path}`);
      const redacted = `${host.redacted}/${path}/`;
      const read = await readFolder(folder, readPage).catch(expectFetchFailure);
      return read instanceof FetchFailure
        ? { failure: read, path: `${folder.pathname}/` }
        : { page: redacted, ...read };
    }),
  );
  const pages = answers.filter((answer) => answer.failure === undefined);
  if (pages.length === 0) return { failure: failureOf(answers.filter((answer) => answer.failure !== undefined)) };
  const links = pages.flatMap((page) => page.links);
  const plugins = pickPlugins(links, platform.arch);
  return plugins.size > 0
    ? { plugins }
    : { plugins, empty: pages.map(({ page, contentType }) => ({ page, contentType })) };
}

/** Each reason once; where the host did answer, with the paths that were asked for. */
function failureOf(failures: readonly { readonly failure: FetchFailure; readonly path: string }[]): string {
  const pathsOf = new Map<string, string[]>();
  for (const { failure, path } of failures) {
    const paths = pathsOf.get(failure.brief) ?? [];
    pathsOf.set(failure.brief, failure.answered ? [...paths, path] : paths);
  }
  return [...pathsOf]
    .map(([brief, paths]) => (paths.length === 0 ? brief : `${brief} for ${paths.join(" and ")}`))
    .join(", ");
}

/**
 * The links of a folder's page. It is asked for with a slash at its end, which saves the redirect of a file server
 * (and nginx in a container redirects to the wrong port); then, as the original does, without, where a page that
 * is not a folder's answers.
 */
async function readFolder(folder: URL, readPage: ReadPage): Promise<{ links: URL[]; contentType: string }> {
  let page: Page;
  try {
    page = await readPage(asFolder(folder));
  } catch (error) {
    if (!(error instanceof FetchFailure && error.answered)) throw error;
    page = await readPage(folder);
  }
  return { links: readLinks(page.text, folderAddress(page.url, folder)), contentType: page.contentType };
}

/**
 * Where a page's relative links start. The original puts `<page>/` before each, so a page that still has the
 * folder's name is taken for the folder, slash or not. One that a redirect has led elsewhere (`…/index.html`) is
 * read as a browser reads it.
 */
function folderAddress(page: URL, folder: URL): URL {
  const lastSegment = ({ pathname }: URL) => pathname.slice(pathname.lastIndexOf("/") + 1);
  return lastSegment(page) === lastSegment(folder) ? asFolder(page) : page;
}

/** The address with a slash at the end of its path, and without query. Not `new URL(path, base)`: `//x` is a host there. */
function asFolder(url: URL): URL {
  const folder = new URL(url);
  folder.pathname += "/";
  folder.search = "";
  folder.hash = "";
  return folder;
}

function expectFetchFailure(error: unknown): FetchFailure {
  if (error instanceof FetchFailure) return error;
  throw error;
}
