import type { IncomingHttpHeaders } from "node:http";
import { Contract } from "./contract.ts";
import { expectInContract } from "./contract-violations.ts";

/** The replies of built servers, which run as processes of their own, checked by what clients in this process get of them. */

export interface ClientReply {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const origins = new Set<string>();
const replies: ClientReply[] = [];

/**
 * From now on, replies from there have to be in the contract. Not for a server in front of an engine, whose replies it
 * passes back.
 * @param ended when the server has ended: the next one at its port may be any other
 */
export function expectContract(origin: string, ended: Promise<unknown>): void {
  origins.add(origin);
  void ended.finally(() => origins.delete(origin));
}

/** Keeps a reply until the test has ended: to check it takes time that some tests measure. */
export function noteReply(reply: ClientReply): void {
  if (origins.has(new URL(reply.url).origin)) replies.push(reply);
}

let known: Promise<Contract> | undefined;

/** Looks at the replies since the last time. */
export async function checkNotedReplies(): Promise<void> {
  if (replies.length === 0) return;
  known ??= makeContract();
  const contract = await known;
  for (const reply of replies.splice(0)) expectInContract(reply, () => checkReply(contract, reply));
}

/** By the sources, of which the built server was made. */
async function makeContract(): Promise<Contract> {
  const { startTestServer } = await import("./test-server.ts"); // here, since most tests of processes do without
  const server = await startTestServer();
  const json = await server.app.openApi();
  await server.dispose();
  return new Contract(json.toString());
}

function checkReply(contract: Contract, { method, url, status, headers, text }: ClientReply): void {
  const { pathname } = new URL(url);
  if (/^\/(?:ui|docs)(?:\/|$)/.test(pathname)) return;
  const path = contract.paths.filter((one) => matches(one, pathname)).sort(byParameters)[0];
  const isRouted = path !== undefined && !(status === 404 && text.includes("404 page not found")) && status !== 405;
  contract.check({ method, path: isRouted ? path : undefined, status, headers, body: text });
}

function matches(path: string, pathname: string): boolean {
  const parts = pathname.split("/");
  return path.split("/").every((part, index, all) => {
    return all.length === parts.length && (part.startsWith("{") ? parts[index] !== "" : part === parts[index]);
  });
}

/** A path with fewer parameters goes first: `/plugins/{type}/prebuild` is none of `/plugins/{type}/{name}`. */
function byParameters(one: string, other: string): number {
  return one.split("{").length - other.split("{").length;
}
