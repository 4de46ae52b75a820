import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The setting that a connection is too many for. Undefined: it is not. */
export type ExceededLimit = "http.maxConnections" | "http.maxConnectionsPerAddress" | undefined;

/** With so many requests that wait, no more are read. */
export const READ_AHEAD = 16;

interface Waiting {
  readonly response: ServerResponse;
  readonly start: () => void;
}

/** One connection of a client: what HTTP is spoken on, which requests it has made, and when it last got on. */
export class Connection {
  readonly tcp: Socket;
  /** The address of the client. */
  readonly address: string;
  /** The other end, as no two connections have it at the same time. */
  readonly peer: string;
  readonly exceeds: ExceededLimit;
  isClosed = false;
  /** Those of requests that came and are not answered to the end, in the order of the requests. */
  readonly #responses = new Set<ServerResponse>();
  readonly #waiting: Waiting[] = [];
  /** What the requests come from: the TCP connection itself, or TLS over it. Undefined before the handshake. */
  #stream: Socket | undefined;
  #running: ServerResponse | undefined;
  /** When the last head of a request came, or the last reply was sent. */
  #changedAt: number;
  #progressAt: number;
  #progress = "";

  constructor(tcp: Socket, { isTls, exceeds, now }: { isTls: boolean; exceeds: ExceededLimit; now: number }) {
    this.tcp = tcp;
    this.address = tcp.remoteAddress ?? "";
    this.peer = peerOf(tcp);
    this.exceeds = exceeds;
    this.#stream = isTls ? undefined : tcp;
    this.#changedAt = now;
    this.#progressAt = now;
  }

  /** Whether no request is being answered. */
  get isIdle(): boolean {
    return this.#responses.size === 0;
  }

  get requests(): number {
    return this.#responses.size;
  }

  get isInHandshake(): boolean {
    return this.#stream === undefined;
  }

  /** Whether a part of a reply is sent already, so that nothing else can be sent now. */
  get isReplying(): boolean {
    return this.#first?.headersSent ?? false;
  }

  /** Milliseconds without a complete head of a request; 0 while one is being answered. */
  idleFor(now: number): number {
    return this.isIdle ? now - this.#changedAt : 0;
  }

  /** Milliseconds for which the server has been waiting for the client: for a request, its body, or to take a reply. */
  waitingFor(now: number, isUploading: (stream: Socket) => boolean): number {
    const isBodyDue = this.#first?.req.complete === false && !isUploading(this.#first.req.socket);
    return this.isIdle || isBodyDue ? now - this.#changedAt : this.stalledFor(now);
  }

  /** Milliseconds in which the client took none of the bytes that wait for it; 0 while none do. To be called often. */
  stalledFor(now: number): number {
    const stream = this.#stream;
    // One that was ended has its end to send; over TLS that may never come to be.
    if (stream === undefined || (stream.writableLength === 0 && !stream.writableEnded)) this.#progressAt = now;
    else {
      const progress = `${stream.bytesWritten - stream.writableLength} ${bytesInSystem(this.tcp)}`;
      if (progress !== this.#progress) this.#progressAt = now;
      this.#progress = progress;
    }
    return now - this.#progressAt;
  }

  secured(stream: Socket, now: number): void {
    this.#stream = stream;
    this.#changedAt = now;
  }

  begin(response: ServerResponse, now: number): void {
    if (this.isIdle) this.#changedAt = now;
    this.#responses.add(response);
    // Once Node has got to the end of the request, since it resumes the stream then.
    if (this.requests > READ_AHEAD) process.nextTick(() => this.requests > READ_AHEAD && this.#stream?.pause());
  }

  /** Calls `start` when all earlier requests are answered to the end; never, if the connection ends before. */
  inTurn(response: ServerResponse, start: () => void): void {
    if (this.isClosed) return;
    if (this.#running === undefined) {
      this.#running = response;
      start();
    } else this.#waiting.push({ response, start });
  }

  finish(response: ServerResponse, now: number): void {
    this.#responses.delete(response);
    this.#changedAt = now;
    if (this.requests === READ_AHEAD) this.#stream?.resume();
    if (this.#running !== response) return;
    const next = this.#waiting.shift();
    this.#running = next?.response;
    next?.start();
  }

  /** Forgets the requests that wait. */
  closed(): void {
    this.isClosed = true;
    this.#waiting.length = 0;
  }

  destroy(): void {
    this.#stream?.destroy();
    this.tcp.destroy();
  }

  get #first(): ServerResponse | undefined {
    const [first] = this.#responses;
    return first;
  }
}

export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * How much of a write the system has not taken yet. Node has no public name for it, and uses it in the same way for
 * `socket.setTimeout`; that restarts with each byte from the client too, so it would never end one that only sends.
 */
function bytesInSystem(tcp: Socket): number {
  return (tcp as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
