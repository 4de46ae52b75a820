import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { ERROR_STATUS, type ErrorCode } from "../../src/domain/errors.ts";

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
  /^(content-(type|length)|transfer-encoding|date|connection|keep-alive|cache-control|x-accel-buffering|x-content-type-options|vary|access-control-.*)$/;

/** A reply, as the server sends it or as a client gets it. */
export interface SeenReply {
  /** Of the request; HEAD is GET without its body. */
  readonly method: string;
  /** That of the call: `/plugins/{type}/{name}`; undefined where the server has none. */
  readonly path: string | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Undefined for a stream, of which nothing is looked at. */
  readonly body: string | undefined;
  /** The code of a refusal, where it is known also for a reply that does not say it. */
  readonly refusal?: ErrorCode | undefined;
}

/** The document of a server, by which its replies are checked: compiled once for all servers that have the same calls. */
export class Contract {
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new WeakMap<object, ValidateFunction>();
  readonly #named = new Map<string, object>();

  /** @param json the OpenAPI document */
  constructor(json: string) {
    this.#document = closed(JSON.parse(json)) as OpenApi;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: "contract", components: this.#document.components });
  }

  get paths(): readonly string[] {
    return Object.keys(this.#document.paths);
  }

  /** @throws Error that says what the reply has, and the contract has not */
  check(reply: SeenReply): void {
    const { method, path, status, refusal, body } = reply;
    if (refusal !== undefined && ERROR_STATUS[refusal] !== status) throw new Error(`it is no ${refusal}`);
    const described = path === undefined ? unrouted(status) : this.#described(reply, path);
    if (described === undefined) return;
    checkHeaders(reply, described);
    if (method === "HEAD" || (status === 405 && body === "")) return; // by default a 405 is bare
    this.#checkBody(mediaTypeOf(reply), body, described);
    const error = described.content?.["application/json"];
    if (refusal !== undefined && error !== undefined) this.#validate(error.schema, { error: refusal, message: "" });
  }

  /** @param type `JobView`, a name of the document's schemas @throws Error that says what the value has, and that has not */
  checkNamed(type: string, value: unknown): void {
    const schema = this.#named.get(type) ?? { $ref: `#/components/schemas/${type}` };
    this.#named.set(type, schema);
    this.#validate(schema, value);
  }

  /** What the contract has of a reply; undefined where the engine's own reply is passed back. */
  #described({ method, status, refusal }: SeenReply, path: string): Described | undefined {
    const call = this.#document.paths[path]?.[(method === "HEAD" ? "GET" : method).toLowerCase()];
    if (call === undefined) throw new Error("there is no such call");
    const isPassedBack = refusal === undefined && call.responses.default !== undefined;
    const described = call.responses[status];
    if (described === undefined && !isPassedBack) throw new Error(`the call has no such status ${refusal ?? ""}`);
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

/** An error, or what an OPTIONS is answered with: the document has no path for it. */
function unrouted(status: number): Described {
  if (status === 204) return { headers: { allow: {} } };
  const content = {
    "application/json": { schema: { $ref: "#/components/schemas/ErrorReply" } },
    "text/plain": { schema: { type: "string" } },
  };
  return { headers: { allow: {}, "x-request-id": {}, "retry-after": {}, "www-authenticate": {} }, content };
}

function checkHeaders(reply: SeenReply, { headers = {} }: Described): void {
  const described = Object.keys(headers).map((name) => name.toLowerCase());
  const others = Object.keys(reply.headers).filter((name) => !described.includes(name) && !GENERAL_HEADERS.test(name));
  if (others.length > 0) throw new Error(`it has ${others.join(", ")}`);
}

function mediaTypeOf({ headers }: SeenReply): string | undefined {
  const type = headers["content-type"];
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
