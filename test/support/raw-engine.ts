import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { onTestFinished } from "vitest";
import { holdPort } from "./held-port.ts";

interface Asked {
  /** Whether the test answers the server's own questions as well, and not only what is passed on. */
  readonly own?: boolean;
}

/** An engine that answers as a test wants. As the real one, it closes each connection after its reply. */
export class RawEngine implements AsyncDisposable {
  readonly url: string;
  /** Requests that were passed on and whose head has come, the first one first; not the server's own questions. */
  readonly requests: IncomingMessage[];
  readonly #server: Server | TcpServer;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server | TcpServer, requests: IncomingMessage[], sockets: Set<Socket>) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.requests = requests;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async start(answer: RequestListener, { own = false }: Asked = {}): Promise<RawEngine> {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      const isPassedOn = request.headers["x-forwarded-for"] !== undefined;
      if (!isPassedOn && !own) return void response.writeHead(404).end();
      if (isPassedOn) requests.push(request);
      response.setHeader("connection", "close");
      response.on("error", () => {});
      return answer(request, response);
    });
    return RawEngine.#listen(server, requests);
  }

  /** @param onConnection speaks for itself: bytes instead of HTTP */
  static startTcp(onConnection: (socket: Socket) => void, { own = false }: Asked = {}): Promise<RawEngine> {
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
      if (own) return onConnection(socket);
      return void socket.once("data", (head: Buffer) => {
        if (!/^x-forwarded-for:/im.test(String(head))) return void socket.destroy();
        onConnection(socket);
        socket.unshift(head);
      });
    });
    return RawEngine.#listen(server, []);
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

/** A port of the loopback at which nobody listens until the end of the test. */
export async function deadUrl(): Promise<string> {
  const { port, release } = await holdPort();
  onTestFinished(release);
  return `http://127.0.0.1:${port}`;
}
