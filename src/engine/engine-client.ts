import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { PluginError } from "../domain/errors.ts";
import { readSmallFile } from "../lib/small-file.ts";
import { quoted } from "../lib/text.ts";
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
}

interface EngineClientOptions {
  readonly config: Config["engine"];
  /** Where a relative `engine.tokenFile` starts. */
  readonly baseFolder: string;
}

const MAX_TOKEN_BYTES = 64 * 1024;

/**
 * This server's own questions to the engine's REST interface. Each has a connection of its own, since the engine closes
 * it after its reply. Answers are bounded in time and size.
 */
export class EngineClient {
  readonly url: string;
  readonly #config: Config["engine"];
  readonly #tokenFile: string | undefined;

  constructor({ config, baseFolder }: EngineClientOptions) {
    this.url = config.url.replace(/\/$/, "");
    this.#config = config;
    this.#tokenFile = config.tokenFile === "" ? undefined : resolve(baseFolder, config.tokenFile);
  }

  /**
   * Asks, and gives back the answer with any status.
   *
   * @param path with its query, percent-encoded
   * @throws PluginError ENGINE_UNREACHABLE for no answer, one that takes too long or is too large
   */
  async ask(path: string, question: Question = {}): Promise<EngineReply> {
    const headers = await this.#headers();
    return this.#exchange(path, question, headers).catch((cause) => {
      if (question.signal?.aborted) throw question.signal.reason;
      const reason = (cause as Error).message;
      throw new PluginError("ENGINE_UNREACHABLE", `the engine at ${this.url} (engine.url) ${reason}`, { cause });
    });
  }

  /**
   * Asks for JSON.
   *
   * @throws PluginError ENGINE_REFUSED with the engine's words for another status than 200 and 201, or for no JSON;
   *   ENGINE_UNREACHABLE
   */
  async json(path: string, question: Question = {}): Promise<unknown> {
    const { status, text } = await this.ask(path, question);
    if (status !== 200 && status !== 201) throw refused(`${status} ${messageOf(text)}`);
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
    try {
      return { authorization: (await readSmallFile(this.#tokenFile, MAX_TOKEN_BYTES)).toString("utf8").trim() };
    } catch (cause) {
      throw new PluginError("ENGINE_UNREACHABLE", "engine.tokenFile can't be read", { cause });
    }
  }

  #exchange(path: string, question: Question, headers: Record<string, string>): Promise<EngineReply> {
    const { method = "GET", body, signal, timeoutSeconds = this.#config.timeoutSeconds } = question;
    const { connectTimeoutSeconds, maxReplyBytes } = this.#config;
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const request = this.url.startsWith("https:") ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, {
        method,
        agent: false,
        ...(signal && { signal }),
        headers: { ...headers, ...(json && { "content-type": "application/json", "content-length": json.length }) },
      });
      const giveUp = (reason: string) => sent.destroy(new Error(reason));
      const connecting = setTimeout(
        () => giveUp(`can't be reached within ${connectTimeoutSeconds} s (engine.connectTimeoutSeconds)`),
        connectTimeoutSeconds * 1000,
      );
      const answering = setTimeout(
        () => giveUp(`does not answer within ${timeoutSeconds} s (engine.timeoutSeconds)`),
        timeoutSeconds * 1000,
      );
      const connected = this.url.startsWith("https:") ? "secureConnect" : "connect";
      sent.once("socket", (socket) => socket.once(connected, () => clearTimeout(connecting)));
      sent.once("close", () => {
        clearTimeout(connecting);
        clearTimeout(answering);
      });
      sent.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === undefined ? error : new Error(`can't be reached: ${error.message}`, { cause: error })),
      );
      sent.once("response", (reply) => {
        readReply(reply, maxReplyBytes).then(resolve, (error) => {
          sent.destroy();
          reject(error);
        });
      });
      sent.end(json);
    });
  }
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
