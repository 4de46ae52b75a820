import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PAGES } from "../../src/contract/calls/all.ts";
import { ERROR_STATUS } from "../../src/domain/errors.ts";
import { contractKey } from "../../src/http/openapi/document.ts";
import { addViolation } from "./contract-violations.ts";

interface MediaType {
  readonly schema: object;
}

interface Described {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Described> }>>;
  readonly components: object;
}

/** HTTP's own, those of proxies and of CORS: any reply may have them. */
const GENERAL_HEADERS =
  /^(content-(type|length)|connection|cache-control|x-accel-buffering|x-content-type-options|vary|access-control-.*)$/;

/** The document of a server, by which its replies are checked: compiled once for all servers that have the same calls. */
class Contract {
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new WeakMap<object, ValidateFunction>();

  constructor(document: OpenApi) {
    this.#document = closed(document) as OpenApi;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: "contract", components: this.#document.components });
  }

  /** @throws Error that says what the reply has, and the contract has not */
  check(request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
    const { url } = request.routeOptions;
    if (request.passedOn !== undefined || url === "*" || PAGES.includes(url ?? "")) return;
    const { refusal } = request;
    const described = url === undefined ? unrouted(reply.statusCode) : this.#described(request, reply.statusCode, url);
    if (refusal !== undefined && ERROR_STATUS[refusal] !== reply.statusCode) throw new Error(`it is no ${refusal}`);
    if (described === undefined) return;
    checkHeaders(reply, described);
    const body = bodyOf(payload);
    if (request.method === "HEAD" || (reply.statusCode === 405 && body === "")) return; // by default a 405 is bare
    this.#checkBody(mediaTypeOf(reply), body, described);
    const error = described.content?.["application/json"];
    if (refusal !== undefined && error !== undefined) this.#validate(error.schema, { error: refusal, message: "" });
  }

  /** What the contract has of a reply; undefined where the engine's own reply is passed back. */
  #described(request: FastifyRequest, status: number, url: string): Described | undefined {
    const method = request.method === "HEAD" ? "GET" : request.method;
    const path = contractKey(method, url)
      .slice(method.length + 1)
      .replace(/:(\w+)/g, "{$1}");
    const call = this.#document.paths[path]?.[method.toLowerCase()];
    if (call === undefined) throw new Error("there is no such call");
    const isPassedBack = request.refusal === undefined && call.responses.default !== undefined;
    const described = call.responses[status];
    if (described === undefined && !isPassedBack)
      throw new Error(`the call has no such status ${request.refusal ?? ""}`);
    return isPassedBack ? undefined : described;
  }

  #checkBody(mediaType: string | undefined, body: string | undefined, { content }: Described): void {
    if (body === undefined) {
      if (mediaType !== undefined && content?.[mediaType] === undefined) throw new Error(`it is ${mediaType}`);
      return;
    }
    if (content === undefined) {
      if (body !== "") throw new Error("it has a body");
      return;
    }
    const described = content[mediaType ?? ""];
    if (described === undefined) throw new Error(`it is ${mediaType}`);
    this.#validate(described.schema, mediaType === "application/json" ? JSON.parse(body) : body);
  }

  #validate(schema: object, value: unknown): void {
    let validate = this.#compiled.get(schema);
    if (validate === undefined) {
      validate = this.#ajv.compile(withBase(schema) as object);
      this.#compiled.set(schema, validate);
    }
    if (!validate(value)) throw new Error(this.#ajv.errorsText(validate.errors, { dataVar: "" }));
  }
}

const contracts = new Map<string, Promise<Contract>>();

/** Checks each reply of a server that does not listen yet, also those to bytes that no client of ours would send. */
export async function checkReplies(app: FastifyInstance): Promise<void> {
  const calls = app.printRoutes({ commonPrefix: false });
  const known = contracts.get(calls) ?? app.openApi().then((json) => new Contract(JSON.parse(json.toString())));
  contracts.set(calls, known);
  const contract = await known;
  app.addHook("onSend", (request, reply, payload, done) => {
    try {
      contract.check(request, reply, payload);
    } catch (error) {
      addViolation(`${request.method} ${request.url} ${reply.statusCode}: ${(error as Error).message}`);
    }
    done();
  });
}

/** An error, or what an OPTIONS is answered with: the document has no path for it. */
function unrouted(status: number): Described {
  if (status === 204) return { headers: { allow: {} } };
  const content = {
    "application/json": { schema: { $ref: "#/components/schemas/ErrorReply" } },
    "text/plain": { schema: { type: "string" } },
  };
  return { headers: { allow: {}, "x-request-id": {}, "retry-after": {}, "www-authenticate": {} }, content };
}

function checkHeaders(reply: FastifyReply, { headers = {} }: Described): void {
  const described = Object.keys(headers).map((name) => name.toLowerCase());
  const others = Object.keys(reply.getHeaders()).filter(
    (name) => !described.includes(name) && !GENERAL_HEADERS.test(name),
  );
  if (others.length > 0) throw new Error(`it has ${others.join(", ")}`);
}

/** Undefined for a stream. */
function bodyOf(payload: unknown): string | undefined {
  if (payload === undefined || payload === null) return "";
  return typeof payload === "string" || Buffer.isBuffer(payload) ? String(payload) : undefined;
}

function mediaTypeOf(reply: FastifyReply): string | undefined {
  const type = reply.getHeader("content-type");
  return typeof type === "string" ? type.split(";")[0] : undefined;
}

/** Readers ignore fields that they don't know; here one that is not in the contract is a mistake. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, closed(member)]));
  const isOpen = copy.type === "object" && copy.properties !== undefined && copy.additionalProperties === undefined;
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

/** References are within the document. */
function withBase(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withBase);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([name, member]) => [name, name === "$ref" ? `contract${member}` : withBase(member)]),
  );
}
