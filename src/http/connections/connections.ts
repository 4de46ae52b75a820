import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import { Connection, type ExceededLimit, peerOf, READ_AHEAD } from "./connection.ts";

/**
 * Connections beyond the limits: each gets one reply, and the oldest makes room for the next. So `GET /ping` is
 * answered even when every other connection is in use.
 */
const RESERVE = 64;

/**
 * Requests of one connection that came and are not answered. Reading stops at READ_AHEAD, but one read may have
 * thousands, and each takes 4 kB.
 */
const MAX_PIPELINED = 256;
/** The same of all connections. With more, no connection may have more than READ_AHEAD. */
const MAX_REQUESTS = 10_000;

/** A client that sends a body, or takes a reply, is left alone for so long when room is needed. */
const PATIENCE_MS = 2000;

/** How often timeouts are checked; Node does the same for those of requests. */
const CHECK_INTERVAL_MS = 1000;

type Limits = Pick<
  Config["http"],
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "tlsHandshakeTimeoutSeconds"
  | "keepAliveTimeoutSeconds"
  | "headersTimeoutSeconds"
  | "writeTimeoutSeconds"
>;

interface ConnectionsOptions {
  readonly limits: Limits;
  readonly isTls: boolean;
  /** Whether a file is being received on it, which has timeouts of its own. */
  readonly isUploading: (stream: Socket) => boolean;
  readonly log: Pick<Logger, "warn">;
}

/**
 * All connections of the server: how many, from where, and which are idle. `server.maxConnections` would close every
 * new one while old ones lie idle; here the longest idle one makes room.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #admitted = new Set<Connection>();
  /** Those that answer nothing now, the longest idle one first. */
  readonly #idle = new Set<Connection>();
  /** Those beyond the limits, the oldest first. */
  readonly #reserve = new Set<Connection>();
  readonly #countByAddress = new Map<string, number>();
  readonly #bySocket = new WeakMap<Socket, Connection>();
  /** Those in a TLS handshake: Node does not say to which TCP connection a TLS one belongs. */
  readonly #inHandshake = new Map<string, Connection>();
  #timer: NodeJS.Timeout | undefined;
  /** Those that came and are not answered, of all connections. */
  #requests = 0;
  #endedForRoom = 0;
  #beyondLimits = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  watch(server: Server): void {
    server.on("connection", (tcp: Socket) => this.#onConnection(tcp));
    server.on("secureConnection", (stream: Socket) => this.#onSecured(stream));
    // Before it is answered as a broken request: nothing can be sent, so nothing would ever have been sent.
    server.prependListener("tlsClientError", (_error: Error, stream: Socket) => stream.destroy());
    server.prependListener("request", (request, response) => this.#onRequest(request, response));
    // Node's own, of a connection between two requests. After a stall it comes before a request that came in time.
    server.on("timeout", (stream: Socket) => {
      const { bytesRead } = stream;
      setImmediate(() => stream.bytesRead > bytesRead || stream.destroy());
    });
    server.once("close", () => this.#stopChecking());
  }

  /** Undefined for what does not come over a connection of this server. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  #onConnection(tcp: Socket): void {
    const { isTls } = this.#options;
    const now = performance.now();
    const exceeds = this.#makeRoom(tcp.remoteAddress ?? "", now);
    const connection = new Connection(tcp, { isTls, exceeds, now });
    if (exceeds === undefined) this.#admit(connection);
    else this.#addToReserve(connection);
    if (isTls) this.#inHandshake.set(connection.peer, connection);
    else this.#bySocket.set(tcp, connection);
    tcp.once("close", () => this.#forget(connection));
    // In a later phase than timers: after a stall, what the clients sent and took meanwhile is seen first.
    this.#timer ??= setInterval(() => setImmediate(() => this.#check()), CHECK_INTERVAL_MS).unref();
  }

  #onSecured(stream: Socket): void {
    const connection = this.#inHandshake.get(peerOf(stream));
    if (connection === undefined) return void stream.destroy(); // it was ended meanwhile
    this.#inHandshake.delete(connection.peer);
    connection.secured(stream, performance.now());
    this.#bySocket.set(stream, connection);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined || connection.isClosed) return;
    connection.begin(response, performance.now());
    this.#idle.delete(connection);
    this.#requests += 1;
    if (connection.requests > (this.#requests > MAX_REQUESTS ? READ_AHEAD : MAX_PIPELINED)) this.#end(connection);
    if (connection.exceeds !== undefined) response.setHeader("connection", "close");
    response.once("close", () => {
      connection.finish(response, performance.now());
      if (!connection.isClosed) this.#requests -= 1;
      if (connection.isIdle && this.#admitted.has(connection)) this.#idle.add(connection);
    });
  }

  /** @returns the limit that the next connection exceeds, when there is none that could be ended for it */
  #makeRoom(address: string, now: number): ExceededLimit {
    const { maxConnections, maxConnectionsPerAddress: perAddress } = this.#options.limits;
    const isFromAddress = (connection: Connection) => connection.address === address;
    const count = this.#countByAddress.get(address) ?? 0;
    if (perAddress > 0 && count >= perAddress && !this.#endOne(isFromAddress, now)) {
      return "http.maxConnectionsPerAddress";
    }
    return this.#admitted.size >= maxConnections && !this.#endOne(() => true, now) ? "http.maxConnections" : undefined;
  }

  #endOne(matches: (connection: Connection) => boolean, now: number): boolean {
    const victim = this.#longestIdle(matches) ?? this.#longestWaitedFor(matches, now);
    if (victim === undefined) return false;
    this.#end(victim);
    this.#endedForRoom += 1;
    return true;
  }

  #longestIdle(matches: (connection: Connection) => boolean): Connection | undefined {
    for (const connection of this.#idle) if (matches(connection)) return connection;
    return undefined;
  }

  #longestWaitedFor(matches: (connection: Connection) => boolean, now: number): Connection | undefined {
    let longest: Connection | undefined;
    let longestMs = PATIENCE_MS;
    for (const connection of this.#admitted) {
      const ms = connection.waitingFor(now, this.#options.isUploading);
      if (ms <= longestMs || !matches(connection)) continue;
      longest = connection;
      longestMs = ms;
    }
    return longest;
  }

  #admit(connection: Connection): void {
    const { address } = connection;
    this.#admitted.add(connection);
    this.#idle.add(connection);
    this.#countByAddress.set(address, (this.#countByAddress.get(address) ?? 0) + 1);
  }

  #addToReserve(connection: Connection): void {
    this.#beyondLimits += 1;
    const [oldest] = this.#reserve;
    if (oldest !== undefined && this.#reserve.size >= RESERVE) this.#end(oldest);
    this.#reserve.add(connection);
  }

  #end(connection: Connection): void {
    this.#forget(connection);
    connection.destroy();
  }

  /** The place of a connection is free at once, not only when the system has closed it. */
  #forget(connection: Connection): void {
    const { address, peer } = connection;
    this.#idle.delete(connection);
    this.#reserve.delete(connection);
    if (this.#inHandshake.get(peer) === connection) this.#inHandshake.delete(peer);
    if (!connection.isClosed) this.#requests -= connection.requests;
    connection.closed();
    if (this.#admitted.delete(connection)) {
      const count = (this.#countByAddress.get(address) ?? 0) - 1;
      if (count > 0) this.#countByAddress.set(address, count);
      else this.#countByAddress.delete(address);
    }
    if (this.#admitted.size === 0 && this.#reserve.size === 0) this.#stopChecking();
  }

  #check(): void {
    const now = performance.now();
    for (const connection of [...this.#admitted, ...this.#reserve]) {
      if (this.#isOverdue(connection, now)) this.#end(connection);
    }
    this.#logPressure();
  }

  #isOverdue(connection: Connection, now: number): boolean {
    const { tlsHandshakeTimeoutSeconds, keepAliveTimeoutSeconds, headersTimeoutSeconds, writeTimeoutSeconds } =
      this.#options.limits;
    if (connection.isInHandshake) return connection.idleFor(now) > tlsHandshakeTimeoutSeconds * 1000;
    // Node's own timeouts come first. They miss connections that send empty lines, or that have a body left to send.
    const idleMs = (keepAliveTimeoutSeconds + headersTimeoutSeconds) * 1000 + 2 * CHECK_INTERVAL_MS;
    return connection.idleFor(now) > idleMs || connection.stalledFor(now) > writeTimeoutSeconds * 1000;
  }

  /** One line a second at most, however many connections there are. */
  #logPressure(): void {
    const [ended, beyond] = [this.#endedForRoom, this.#beyondLimits];
    if (ended + beyond === 0) return;
    this.#endedForRoom = 0;
    this.#beyondLimits = 0;
    const limits = "http.maxConnections, http.maxConnectionsPerAddress";
    this.#options.log.warn(
      { ended, beyond, open: this.#admitted.size },
      `too many connections (${limits}): idle ones are ended`,
    );
  }

  #stopChecking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#logPressure();
  }
}
