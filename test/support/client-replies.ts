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

/** In front of an engine it has more calls, and passes on what is none of them. */
export type Place = "alone" | "in front";

const places = new Map<string, Place>();
const noted: { readonly reply: ClientReply; readonly place: Place }[] = [];

/**
 * From now on, replies from there have to be in the contract.
 * @param ended when the server has ended: the next one at its port may be any other
 */
export function expectContract(origin: string, place: Place, ended: Promise<unknown>): void {
  places.set(origin, place);
  void ended.finally(() => places.delete(origin));
}

/** Keeps a reply until the test has ended: to check it takes time that some tests measure. */
export function noteReply(reply: ClientReply): void {
  const place = places.get(new URL(reply.url).origin);
  if (place !== undefined) noted.push({ reply, place });
}

const contracts = new Map<Place, Promise<Contract>>();

/** Looks at the replies since the last time. */
export async function checkNotedReplies(): Promise<void> {
  for (const { reply, place } of noted.splice(0)) {
    const made = contracts.get(place) ?? makeContract(place);
    contracts.set(place, made);
    const contract = await made;
    expectInContract(reply, () => checkReply(contract, place, reply));
  }
}

/** By the sources, of which the built server was made. */
async function makeContract(place: Place): Promise<Contract> {
  const { TestServer } = await import("./test-server.ts"); // here, since most tests of processes do without
  const server = await TestServer.create();
  await server.start(place === "alone" ? {} : { ENGINE__URL: "http://127.0.0.1:1" });
  const json = await server.app.openApi();
  await server.dispose();
  return new Contract(json.toString());
}

function checkReply(contract: Contract, place: Place, { method, url, status, headers, text }: ClientReply): void {
  const pathname = new URL(url).pathname.replace(/(?<=.)\/$/, "");
  const path = contract.paths.filter((one) => matches(one, pathname)).sort(byParameters)[0];
  if (path === undefined && place === "in front") return;
  const isRouted = path !== undefined && !(status === 404 && text.includes("404 page not found")) && status !== 405;
  contract.check({ method, path: isRouted ? path : undefined, status, headers, body: text });
}

function matches(path: string, pathname: string): boolean {
  if (path.endsWith("/{file}")) return pathname.startsWith(path.slice(0, -"{file}".length));
  const parts = pathname.split("/");
  return path.split("/").every((part, index, all) => {
    return all.length === parts.length && (part.startsWith("{") ? parts[index] !== "" : part === parts[index]);
  });
}

/** A path with fewer parameters goes first: `/plugins/{type}/prebuild` is none of `/plugins/{type}/{name}`. */
function byParameters(one: string, other: string): number {
  return one.split("{").length - other.split("{").length;
}
