import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import type { Client, Dispatcher } from "undici";
import { isObject, parsedJson } from "../../lib/objects.ts";
import { cutAt } from "../../lib/text.ts";
import { ServerRefusal, Unreachable } from "../failure.ts";
import { isPrintable, noAnswer } from "./answer.ts";
import type { ServerAddress } from "./server-address.ts";
import { transportFailure } from "./transport-failure.ts";

/** Ten thousand plugins are 3 MB. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;
/** Of an answer that is not this server's own. */
const MAX_FOREIGN_TEXT = 200;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What the JSON says; a string for text. */
  readonly body: unknown;
}

interface RequestOptions {
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: object;
  /** Sent as it is, with the headers that are given. */
  readonly body?: Readable;
  readonly signal?: AbortSignal;
}

/**
 * The HTTP interface of a plugin server. Failures are `ServerRefusal` where the server has answered with one, `Unreachable`
 * where no answer came, both with a sentence for people.
 */
export class ServerClient implements AsyncDisposable {
  readonly address: ServerAddress;
  readonly #connect: (options?: { readonly bodyTimeoutMs: number }) => Client;
  readonly #main: Client;
  /** Connections of their own, for streams. */
  readonly #others = new Set<Client>();

  private constructor(address: ServerAddress, { Client }: Pick<typeof import("undici"), "Client">) {
    const { timeoutMs, ca } = address;
    this.address = address;
    this.#connect = ({ bodyTimeoutMs } = { bodyTimeoutMs: timeoutMs }) =>
      new Client(address.origin, {
        headersTimeout: timeoutMs,
        bodyTimeout: bodyTimeoutMs,
        maxResponseSize: MAX_REPLY_BYTES,
        connect: { timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
      });
    this.#main = this.#connect();
  }

  /** Nothing is sent yet. */
  static async create(address: ServerAddress): Promise<ServerClient> {
    // Its parser is WebAssembly. To optimise that costs more than all the rest of a command, and pays only after megabytes.
    setFlagsFromString("--liftoff-only");
    return new ServerClient(address, await import("undici")); // only now: half of what a start costs, and not for --help
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#main, ...this.#others].map((client) => client.destroy()));
  }

  /** The body of a reply to a `GET`. */
  async get(path: string, signal?: AbortSignal): Promise<unknown> {
    return (await this.send(path, signal === undefined ? {} : { signal })).body;
  }

  /** The same of plain text. @throws Unreachable for any other answer, too */
  async text(path: string): Promise<string> {
    const { body, headers } = await this.send(path);
    if (typeof body === "string" && String(headers["content-type"]).startsWith("text/plain")) return body;
    throw noAnswer("log");
  }

  /** @throws ServerRefusal, Unreachable; the signal's reason */
  async send(path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.#translated(options.signal, async () => {
      const { statusCode, headers, body } = await this.#main.request(this.#request(path, options));
      return this.#checked({ status: statusCode, headers, body: parsed(await body.text(), headers) });
    });
  }

  /**
   * A reply that is read as it comes, on a connection of its own.
   *
   * @param bodyTimeoutMs the longest pause in it
   * @throws as `send`, also while the returned body is read
   */
  async *stream(path: string, { signal, bodyTimeoutMs }: { signal?: AbortSignal; bodyTimeoutMs: number }) {
    const client = this.#connect({ bodyTimeoutMs });
    this.#others.add(client);
    try {
      const options = signal === undefined ? {} : { signal };
      const reply = await this.#translated(signal, () => client.request(this.#request(path, options)));
      const { statusCode: status, headers, body } = reply;
      if (status !== 200) this.#checked({ status, headers, body: parsed(await body.text(), headers) });
      yield* this.#chunks(body, signal);
    } finally {
      this.#others.delete(client);
      await client.destroy();
    }
  }

  async *#chunks(body: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const chunks = body[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#translated(signal, () => chunks.next());
      if (done) return;
      yield value;
    }
  }

  async #translated<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw transportFailure(error, this.address);
    }
  }

  #request(path: string, { method = "GET", headers, json, body, signal }: RequestOptions): Dispatcher.RequestOptions {
    const { prefix, token } = this.address;
    return {
      path: `${prefix}${path}`,
      method,
      headers: {
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  #checked(reply: Reply): Reply {
    const { status, headers, body } = reply;
    if (status < 300) return reply;
    const where = `${this.address.origin}${this.address.prefix}`;
    if (status < 400) {
      throw new Unreachable(`${where} sends us on to ${String(headers.location)}: name that address with --server`);
    }
    if (isObject(body) && typeof body.message === "string") {
      const code = typeof body.error === "string" ? body.error : `HTTP_${status}`; // the engine's own have numbers
      const hint = status === 401 ? tokenHint(this.address.token) : "";
      throw new ServerRefusal(code, `${body.message}${hint}`, status);
    }
    const text = typeof body === "string" ? cutAt(body.trim(), MAX_FOREIGN_TEXT) : "";
    throw new ServerRefusal(`HTTP_${status}`, `${where} answers with ${status}${text && `: ${text}`}`, status);
  }
}

/** The server's own sentence tells of a header, which nobody writes here. */
function tokenHint(token: string | undefined): string {
  const file = "name its file with --token-file or KUIPER_PLUGINS_TOKEN_FILE";
  return token === undefined
    ? `\n${file}; kuiper-plugins token makes one`
    : "\non the server's machine, kuiper-plugins doctor --token-file says what is wrong with it; kuiper-plugins token makes a new one";
}

function parsed(text: string, headers: IncomingHttpHeaders): unknown {
  if (!String(headers["content-type"] ?? "").includes("json")) return text;
  const value = parsedJson(text) ?? text;
  if (isPrintable(value)) return value;
  throw noAnswer("answer of a plugin server");
}
