import { type Duplex, Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { contractKey } from "../../src/http/openapi/document.ts";
import { Contract } from "./contract.ts";
import { expectInContract } from "./contract-violations.ts";
import { parseEvent } from "./event-client.ts";

/** The replies of a server in this process, checked as it sends them: also those to bytes that no client of ours would send. */

const contracts = new Map<string, Promise<Contract>>();

/** Checks each reply of a server that does not listen yet, and the data of its events. */
export async function checkReplies(app: FastifyInstance): Promise<void> {
  const calls = app.printRoutes({ commonPrefix: false });
  const known = contracts.get(calls) ?? app.openApi().then((json) => new Contract(json.toString()));
  contracts.set(calls, known);
  const contract = await known;
  const seen = new WeakSet<FastifyReply>();
  app.addHook("onSend", (request, reply, payload, done) => {
    seen.add(reply);
    expectInContract(nameOf(request, reply), () => checkReply(contract, request, reply, payload));
    done();
  });
  // What another server of ours has sent in its place: a page's files.
  app.addHook("onResponse", (request, reply, done) => {
    if (!seen.has(reply)) expectInContract(nameOf(request, reply), () => checkSent(contract, request, reply));
    done();
  });
  app.server.prependListener("clientError", (_error, socket) => watchRawReply(contract, socket));
}

/** Looks at the reply to bytes that never became a request: it is written as it is. */
function watchRawReply(contract: Contract, socket: Duplex): void {
  const end = socket.end.bind(socket) as (...sent: unknown[]) => Duplex;
  socket.end = (...sent: unknown[]) => {
    const [text] = sent;
    const reply = { method: "no request", url: "", status: 0 };
    if (typeof text === "string" && text !== "") expectInContract(reply, () => checkRawReply(contract, text));
    return end(...sent);
  };
}

function checkRawReply(contract: Contract, text: string): void {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => line.split(": ")).map(([name = "", value]) => [name.toLowerCase(), value]),
  );
  contract.check({ method: "", path: undefined, status: Number(first.split(" ")[1]), headers, body });
}

function checkReply(contract: Contract, request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
  if (request.passedOn !== undefined || request.routeOptions.url === "*") return;
  const { method, refusal } = request;
  const path = pathOf(request);
  const body = bodyOf(payload);
  contract.check({ method, path, status: reply.statusCode, headers: reply.getHeaders(), body, refusal });
  if (payload instanceof Readable && reply.getHeader("content-type") === "text/event-stream") {
    const name = nameOf(request, reply);
    watchEvents(payload, (event) => expectInContract(name, () => checkEvent(contract, event)));
  }
}

function checkSent(contract: Contract, request: FastifyRequest, { raw }: FastifyReply): void {
  if (request.passedOn !== undefined) return;
  const { method } = request;
  const { statusCode: status } = raw;
  contract.check({ method, path: pathOf(request), status, headers: raw.getHeaders(), body: undefined });
}

/** That of the call; undefined where there is none. */
function pathOf({ method, routeOptions: { url } }: FastifyRequest): string | undefined {
  return url && documentPath(method === "HEAD" ? "GET" : method, url);
}

/** Looks at what is put into a stream. Reading it would keep it from waiting for its client. */
function watchEvents(stream: Readable, look: (event: string) => void): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk, ...more) => {
    if (chunk !== null) look(String(chunk).replace(/\n\n$/, ""));
    return push(chunk, ...more);
  };
}

function checkEvent(contract: Contract, text: string): void {
  const { event, data } = parseEvent(text);
  if (event !== ":") contract.checkNamed(event === "output" ? "JobOutput" : "JobView", JSON.parse(data));
}

function nameOf({ method, url }: FastifyRequest, { statusCode }: FastifyReply) {
  return { method, url, status: statusCode };
}

/** A path as the document has it: `/plugins/{type}/{name}` for `/plugins/sinks/:name`. */
function documentPath(method: string, url: string): string {
  return contractKey(method, url)
    .slice(method.length + 1)
    .replace(/:(\w+)/g, "{$1}");
}

/** Undefined for a stream. */
function bodyOf(payload: unknown): string | undefined {
  if (payload === undefined || payload === null) return "";
  return typeof payload === "string" || Buffer.isBuffer(payload) ? String(payload) : undefined;
}
