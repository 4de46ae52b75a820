import { Type } from "@sinclair/typebox";
import type { HeaderName } from "../headers.ts";
import { ANY, type Call, type Calls, empty, type Reply } from "./call.ts";

const FILE_TYPES = [
  "text/html",
  "text/css",
  "application/javascript",
  "application/json",
  "image/svg+xml",
  "image/png",
];

/** What keeps a browser from doing more with a page than that needs. */
const GUARDS: readonly HeaderName[] = ["content-security-policy", "referrer-policy", "cross-origin-opener-policy"];
const OF_FILES: readonly HeaderName[] = ["etag", "last-modified", "accept-ranges", "content-encoding"];

function file(about: string, headers: readonly HeaderName[] = []): Reply {
  const content = Object.fromEntries(FILE_TYPES.map((type) => [type, Type.Unknown()]));
  return { about, content, headers: [...GUARDS, ...OF_FILES, ...headers] };
}

/** The files of a page, as browsers and caches ask for them. */
const FILE_REPLIES: Call["replies"] = {
  200: file("The file, compressed where the build has made it so and the client takes that"),
  206: file("The part that `Range` asks for", ["content-range"]),
  304: empty("It is as `If-None-Match` or `If-Modified-Since` says", [...GUARDS, ...OF_FILES]),
  412: empty("It is not as `If-Match` or `If-Unmodified-Since` says", GUARDS),
  416: empty("It has no such part as `Range` asks for", [...GUARDS, "content-range"]),
};

const OF_PAGES = { tag: "Pages", isOpen: true, errors: [...ANY, "PAGE_NOT_FOUND"] } as const;

/** @param path of the page itself, which ends with a slash */
function pageCall(id: string, summary: string, path: string): Call {
  const moved = empty(`Without the slash at the end: to \`${path}\``, ["location"]);
  return { ...OF_PAGES, id, summary, replies: { ...FILE_REPLIES, 302: moved } };
}

function fileCall(id: string, summary: string, example: string): Call {
  return { ...OF_PAGES, id, summary, path: { file: `Its path, such as \`${example}\`` }, replies: FILE_REPLIES };
}

export const pageCalls: Calls = {
  "GET /ui": pageCall("openPage", "The page for people", "/ui/"),
  "GET /ui/:file": fileCall("getPageFile", "A file of it", "assets/main-1a2b.js"),
  "GET /docs": pageCall("openDocumentPage", "A page to read and try this document", "/docs/"),
  "GET /docs/:file": fileCall("getDocumentPageFile", "A file of it", "static/swagger-ui.css"),
};
