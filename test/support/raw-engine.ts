import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";

/** An engine that answers as a test wants. As the real one, it closes each connection after its reply. */
export class RawEngine implements AsyncDisposable {
  readonly url: string;
  /** Requests whose head has come, the first one first. */
  readonly requests: IncomingMessage[];
  readonly #server: Server | TcpServer;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server | TcpServer, requests: IncomingMessage[], sockets: Set<Socket>) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.requests = requests;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async start(answer: RequestListener): Promise<RawEngine> {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      response.setHeader("connection", "close");
      response.on("error", () => {});
      answer(request, response);
    });
    return RawEngine.#listen(server, requests);
  }

  /** @param onConnection speaks for itself: bytes instead of HTTP */
  static startTcp(onConnection: (socket: Socket) => void): Promise<RawEngine> {
    return RawEngine.#listen(createTcpServer({ allowHalfOpen: true }, onConnection), []);
  }

  static async #listen(server: Server | TcpServer, requests: IncomingMessage[]): Promise<RawEngine> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawEngine(server, requests, sockets);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A port of the loopback at which nobody listens. */
export async function deadUrl(): Promise<string> {
  await using engine = await RawEngine.start(() => {});
  return engine.url;
}
