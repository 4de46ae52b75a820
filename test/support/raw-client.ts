import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Sockets to one server that send whatever a test wants. All are gone after the test. */
export class RawClients {
  readonly #port: () => number;
  readonly #sockets: Socket[] = [];

  constructor(url: () => string) {
    this.#port = () => Number(new URL(url()).port);
  }

  /** @param localAddress any of 127.0.0.0/8, to be another client */
  open(localAddress = "127.0.0.1"): Socket {
    const socket = connect({ port: this.#port(), host: "127.0.0.1", localAddress, allowHalfOpen: true }).setNoDelay();
    socket.on("error", () => {}); // a reset is one of the ways to be ended
    this.#sockets.push(socket);
    return socket;
  }

  /** A connection that was answered once, and is kept alive. */
  async openIdle(localAddress?: string): Promise<Socket> {
    const socket = this.open(localAddress);
    socket.write("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    return socket;
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Everything that arrives until the connection ends, be it with a reset. */
export async function receivedUntilClosed(socket: Socket): Promise<string> {
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  if (socket.readableEnded) socket.destroy();
  else socket.once("end", () => socket.destroy());
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return received;
}
