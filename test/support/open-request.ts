import { once } from "node:events";
import http from "node:http";
import type { Answer } from "./http-client.ts";

/** A request whose body is sent bit by bit, as a test goes on. */
export interface OpenRequest {
  /** What the server answers, be it before the body's end. Rejects when the connection breaks without an answer. */
  readonly answer: Promise<Answer>;
  /** Resolves when the server asks for the body (`Expect: 100-continue`). */
  readonly continued: Promise<void>;
  /** Whether the answer is there. */
  readonly isAnswered: () => boolean;
  /** Resolves when the bytes are on their way, or will not be any more. */
  write(chunk: Buffer | string): Promise<void>;
  end(chunk?: Buffer | string): void;
  /** The client goes away. */
  destroy(): void;
}

export function openRequest(url: string, headers: Readonly<Record<string, string>>, method = "POST"): OpenRequest {
  const outgoing = http.request(url, { method, headers, agent: false });
  let answered = false;
  const answer = new Promise<Answer>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        answered = true;
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      });
    });
  });
  answer.catch(() => {}); // a client that goes away waits for none
  const continued = new Promise<void>((resolve) => outgoing.once("continue", resolve));
  outgoing.flushHeaders();
  return {
    answer,
    continued,
    isAnswered: () => answered,
    async write(chunk) {
      if (outgoing.destroyed || outgoing.write(chunk)) return;
      const done = new AbortController(); // no listener is left behind for the next chunk
      const events = ["drain", "close"].map((event) => once(outgoing, event, { signal: done.signal }));
      await Promise.race(events).catch(() => {});
      done.abort();
      await Promise.allSettled(events);
    },
    end: (chunk) => void (chunk === undefined ? outgoing.end() : outgoing.end(chunk)),
    destroy: () => void outgoing.destroy(),
  };
}
