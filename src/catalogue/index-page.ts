import { Tokenizer, type TokenizerCallbacks } from "htmlparser2";
import { isPluginName } from "../domain/names.ts";
import { parseUrl } from "../lib/url.ts";

/** Links of one page that are read; further ones are ignored. A folder of plugins has about a hundred. */
const MAX_LINKS = 5000;
/**
 * Characters of a link and of what it is resolved against, together; a longer link is ignored. Without this bound,
 * a page of short links and one long `<base href>` takes gigabytes.
 */
const MAX_ADDRESS_LENGTH = 4096;

/**
 * The `<a href>`s of a page in their order, resolved as a browser does it: `<base href>`, relative, rooted and
 * protocol-relative ones, entities, white space around and within. What is not http or https in the end is left
 * out, and so are user, password and fragment of a link.
 *
 * @param page the address that the page was had from, after redirects
 */
export function readLinks(html: string, page: URL): URL[] {
  const { hrefs, baseHref } = readHrefs(html);
  const base = (baseHref !== undefined && resolve(baseHref, page)) || page;
  return hrefs.flatMap((href) => {
    const url = resolve(href, base);
    if (url === undefined) return [];
    url.username = "";
    url.password = "";
    url.hash = "";
    return [url];
  });
}

/**
 * The plugins among links: those whose last path segment is `NAME_<arch>.zip`, NAME being a possible name of a
 * plugin. The first link wins for a name.
 *
 * @returns name → absolute URL
 */
export function pickPlugins(links: readonly URL[], arch: string): Map<string, string> {
  const suffix = `_${arch}.zip`;
  const plugins = new Map<string, string>();
  for (const link of links) {
    const fileName = decoded(link.pathname.slice(link.pathname.lastIndexOf("/") + 1));
    if (!fileName.endsWith(suffix)) continue;
    const name = fileName.slice(0, -suffix.length);
    if (isPluginName(name) && !plugins.has(name)) plugins.set(name, link.href);
  }
  return plugins;
}

/**
 * Reads tags with the tokenizer alone. The package's Parser would also keep a stack of open elements, which nobody
 * needs here, and whose cost grows with the square of its depth: 4 MiB of unclosed tags stop the server for a minute.
 */
function readHrefs(html: string): { hrefs: string[]; baseHref: string | undefined } {
  const hrefs: string[] = [];
  let baseHref: string | undefined;
  let tag = "";
  let inHref = false;
  let href: string | undefined;
  let value = "";

  const endTag = () => {
    if (href === undefined) return;
    if (tag === "a" && hrefs.length < MAX_LINKS) hrefs.push(href);
    if (tag === "base") baseHref ??= href; // the first one counts, for links before it too
  };
  const callbacks: TokenizerCallbacks = {
    onopentagname(start, end) {
      tag = html.slice(start, end).toLowerCase();
      href = undefined;
    },
    onattribname(start, end) {
      inHref = end - start === 4 && html.slice(start, end).toLowerCase() === "href";
      value = "";
    },
    onattribdata(start, end) {
      if (inHref) value += html.slice(start, end);
    },
    onattribentity(codePoint) {
      if (inHref) value += String.fromCodePoint(codePoint);
    },
    onattribend() {
      if (inHref) href ??= value; // of a repeated attribute the first one counts
    },
    onopentagend: endTag,
    onselfclosingtag: endTag,
    onclosetag: ignore,
    oncomment: ignore,
    oncdata: ignore,
    ondeclaration: ignore,
    onprocessinginstruction: ignore,
    ontext: ignore,
    ontextentity: ignore,
    onend: ignore,
  };
  const tokenizer = new Tokenizer({ decodeEntities: true }, callbacks);
  tokenizer.write(html); // in one piece, so that the callbacks' indices are indices of it
  tokenizer.end();
  return { hrefs, baseHref };
}

function ignore(): void {}

function resolve(href: string, base: URL): URL | undefined {
  const url = href.length + base.href.length > MAX_ADDRESS_LENGTH ? undefined : parseUrl(href, base);
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a broken percent-encoding can't be in a name, and must not hide the other links
  }
}
