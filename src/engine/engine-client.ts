import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import { isHeaderValue } from "../lib/header-value.ts";
import { exceededShape, FAIR_SHAPE } from "../lib/json-shape.ts";
import { PatientTimer } from "../lib/patient-timer.ts";
import { readSmallFile } from "../lib/small-file.ts";
import { quoted } from "../lib/text.ts";
import { decodeText } from "../lib/text-encoding.ts";
import { messageOf } from "./engine-message.ts";

/** An answer of the engine, whatever its status. */
export interface EngineReply {
  readonly status: number;
  readonly text: string;
  /** As the engine said it. */
  readonly contentType: string;
}

interface Question {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Instead of `engine.timeoutSeconds`: an install takes longer than a list. */
  readonly timeoutSeconds?: number;
  /** A client's own header, instead of the token of `engine.tokenFile`. */
  readonly authorization?: string | undefined;
}

/** A request as it is to be sent, byte for byte. */
export interface RawRequest {
  readonly method: string;
  /** With its query, as it is in the request line. */
  readonly path: string;
  /** Names and values in turn, without `Connection`. */
  readonly headers: readonly string[];
}

interface EngineClientOptions {
  readonly config: Config["engine"];
  /** Where a relative `engine.tokenFile` starts. */
  readonly baseFolder: string;
}

const MAX_TOKEN_BYTES = 64 * 1024;

/** After so long without a byte the system asks whether the other end is still there. */
export const KEEP_ALIVE_DELAY_MS = 30_000;

/**
 * Requests to the engine's REST interface: what is passed on, and this server's own questions, whose answers are bounded
 * in time and size. Each has a connection of its own, since the engine closes it after its reply.
 */
export class EngineClient {
  readonly url: string;
  /** Its name and port as they are in a `Host` header. */
  readonly host: string;
  /**
   * By which this server knows its own requests, in their `Via`: where one comes back, `engine.url` leads to ourselves.
   */
  readonly mark = `kuiper-plugin-server-${process.pid.toString(36)}${Math.random().toString(36).slice(2)}`;
  readonly #config: Config["engine"];
  readonly #target: { readonly host: string; readonly port: number; readonly agent: HttpAgent };
  readonly #isTls: boolean;
  readonly #tokenFile: string | undefined;

  constructor({ config, baseFolder }: EngineClientOptions) {
    const { protocol, host, hostname, port } = new URL(config.url);
    this.host = host;
    this.url = config.url.replace(/\/$/, "");
    this.#config = config;
    this.#isTls = protocol === "https:";
    this.#target = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (this.#isTls ? 443 : 80),
      agent: this.#isTls ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
    };
    this.#tokenFile = config.tokenFile === "" ? undefined : resolve(baseFolder, config.tokenFile);
  }

  /**
   * Asks, and gives back the answer with any status.
   *
   * @param path with its query, percent-encoded
   * @throws PluginError ENGINE_UNREACHABLE for no answer, one that takes too long or is too large
   */
  async ask(path: string, question: Question = {}): Promise<EngineReply> {
    const { authorization } = question;
    const headers = authorization === undefined ? await this.#headers() : { authorization };
    return this.#exchange(path, question, headers).catch((cause) => {
      throw question.signal?.aborted ? question.signal.reason : this.unreachable(cause);
    });
  }

  /** Begins a request. It fails where the engine can't be reached within `engine.connectTimeoutSeconds`. */
  open({ method, path, headers }: RawRequest, signal?: AbortSignal): ClientRequest {
    const { connectTimeoutSeconds } = this.#config;
    const request = (this.#isTls ? requestHttps : requestHttp)({
      ...this.#target,
      method,
      path,
      headers: headers as string[],
      ...(signal && { signal }),
    });
    const connecting = new PatientTimer(connectTimeoutSeconds * 1000, () =>
      request.destroy(new Error(`can't be reached within ${connectTimeoutSeconds} s (engine.connectTimeoutSeconds)`)),
    );
    request.once("socket", (socket) =>
      socket.once(this.#isTls ? "secureConnect" : "connect", () => {
        connecting.stop();
        socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
      }),
    );
    // Without this Node would close the connection, and tell of neither a reply nor a failure.
    request.once("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      request.emit("error", new Error(`answers ${statusCode}: it wants another protocol than HTTP`));
    });
    request.once("close", () => connecting.stop());
    return request;
  }

  /** What a failed request is reported as. */
  unreachable(cause: NodeJS.ErrnoException): PluginError {
    const what = `the engine at ${this.url} (engine.url) ${reasonOf(cause)}`;
    return new PluginError("ENGINE_UNREACHABLE", what, { cause });
  }

  /**
   * Asks for JSON.
   *
   * @throws PluginError ENGINE_REFUSED with the engine's words for another status than 200 and 201, for no JSON, or for
   *   too much of it; ENGINE_UNREACHABLE
   */
  async json(path: string, question: Question = {}): Promise<unknown> {
    const { status, text } = await this.ask(path, question);
    if (status !== 200 && status !== 201) throw refused(`${status} ${messageOf(text)}`);
    const exceeded = exceededShape(text, FAIR_SHAPE);
    if (exceeded === "depth") throw refused(`lists or objects more than ${FAIR_SHAPE.depth} levels deep`);
    if (exceeded === "values") throw refused(`more than ${FAIR_SHAPE.values} values`);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw refused(`what is no JSON: ${text.slice(0, 200)}`, cause);
    }

    function refused(what: string, cause?: unknown): PluginError {
      return new PluginError("ENGINE_REFUSED", `the engine answers ${path} with ${quoted(what)}`, { cause });
    }
  }

  /** The token is read each time: it may be renewed at any time. The engine takes it without `Bearer`. */
  async #headers(): Promise<Record<string, string>> {
    if (this.#tokenFile === undefined) return {};
    let authorization: string;
    try {
      authorization = decodeText(await readSmallFile(this.#tokenFile, MAX_TOKEN_BYTES)).trim();
    } catch (cause) {
      throw new PluginError("ENGINE_UNREACHABLE", "engine.tokenFile can't be read", { cause });
    }
    if (isHeaderValue(authorization)) return { authorization };
    throw new PluginError("ENGINE_UNREACHABLE", "engine.tokenFile has more than a token: it can't be sent as a header");
  }

  #exchange(path: string, question: Question, extra: Record<string, string>): Promise<EngineReply> {
    const { method = "GET", body, signal, timeoutSeconds = this.#config.timeoutSeconds } = question;
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const length = String(json?.length ?? 0);
    const headers = [
      ...["Host", this.host, "Via", `1.1 ${this.mark}`],
      ...Object.entries(extra).flat(),
      ...(json === undefined && method === "GET" ? [] : ["Content-Length", length]),
      ...(json === undefined ? [] : ["Content-Type", "application/json"]),
    ];
    return new Promise((resolve, reject) => {
      const sent = this.open({ method, path, headers }, signal);
      const answering = new PatientTimer(timeoutSeconds * 1000, () =>
        sent.destroy(new Error(`does not answer within ${timeoutSeconds} s (engine.timeoutSeconds)`)),
      );
      sent.once("close", () => answering.stop());
      sent.once("error", reject);
      sent.once("response", (reply) => {
        readReply(reply, this.#config.maxReplyBytes).then(resolve, (error) => {
          sent.destroy();
          reject(error);
        });
      });
      sent.end(json);
    });
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ECONNRESET" || code === "EPIPE") return "can't be reached: it ended the connection before it answered";
  if (code === "ECONNREFUSED") return "can't be reached: it refused the connection";
  if (code?.startsWith("HPE_")) return `answers with what is no HTTP: ${message}`;
  return code === undefined ? message : `can't be reached: ${message}`;
}

async function readReply(reply: IncomingMessage, maxBytes: number): Promise<EngineReply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reply) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`answers with more than ${maxBytes} bytes (engine.maxReplyBytes)`);
    chunks.push(chunk);
  }
  const { "content-type": contentType = "text/plain; charset=utf-8" } = reply.headers;
  return { status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8"), contentType };
}
