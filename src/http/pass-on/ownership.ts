import type { FastifyRequest } from "fastify";
import { READING_METHODS } from "../hooks/request-log.ts";

/** A request that goes on to the engine: whether it may change something there. */
export type PassedOn = "read" | "write";

/** What this server answers itself, and what is below it. */
const OURS = [
  "/ping",
  "/jobs",
  "/engine",
  "/config/uploads",
  "/plugins/sources",
  "/plugins/sinks",
  "/plugins/functions",
  "/plugins/udfs",
  "/openapi.json",
  "/docs",
  "/plugins/inspect",
  "/ui",
];
/** The same, without what is below: `/metrics/dump` is the engine's. */
const OURS_ALONE = ["/", "/plugins", "/metrics"];

/** Installs of the engine's that this server makes in its place, after its checks: read and deleted there, written here. */
const WRITTEN_HERE = "/plugins/portables";

/** Where the engine changes something whatever the method is: it ends itself. */
const WRITTEN_BY_ANY_METHOD = ["/stop"];

/** What becomes of a request that no route takes. Undefined: it is not passed on. */
export function passedOnAs({
  method,
  originalUrl,
}: Pick<FastifyRequest, "method" | "originalUrl">): PassedOn | undefined {
  const path = pathForEngine(originalUrl);
  if (isOurs(path) || ((method === "POST" || method === "PUT") && isAtOrBelow(path, WRITTEN_HERE))) return undefined;
  return READING_METHODS.includes(method) && !WRITTEN_BY_ANY_METHOD.includes(path) ? "read" : "write";
}

/**
 * The URL by which a request is routed. The router refuses a path that is no UTF-8, such as `/rules/%ff`, before any hook
 * has run; as it is not ours, it is the engine's to judge, so the router gets one that it can read.
 */
export function routableUrl(url: string): string {
  const path = url.includes("%") ? pathOf(url) : "";
  return isDecodable(path) || isOurs(pathForEngine(url)) ? url : url.replaceAll("%", "%25");
}

/** The request target that a server expects: without the scheme and host that are sent to a proxy. */
export function originForm(url: string): string {
  return /^[/*]/.test(url) ? url : url.replace(/^[^/?]*\/\/[^/?]*/, "").replace(/^(?!\/)/, "/");
}

function isOurs(path: string): boolean {
  return OURS_ALONE.includes(path) || OURS.some((one) => isAtOrBelow(path, one));
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/**
 * The path as the engine's router reads it: decoded, also `%2F`, and without dots and repeated slashes. What is ours in
 * this form must not reach the engine in another one, past the checks of this server.
 */
function pathForEngine(url: string): string {
  const path = pathOf(url).replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function pathOf(url: string): string {
  return originForm(url).replace(/\?.*$/s, "");
}

function isDecodable(path: string): boolean {
  try {
    decodeURI(path);
    return true;
  } catch {
    return false;
  }
}
