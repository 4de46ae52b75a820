import { EventEmitter, once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What is between a command and its server: it can be cut, and lead to another server. */
export class Relay {
  readonly #server = net.createServer((socket) => this.#pass(socket));
  readonly #sockets = new Set<net.Socket>();
  readonly #more = new EventEmitter().setMaxListeners(0);
  #port: number;
  #asked = "";

  private constructor(target: string) {
    this.#port = Number(new URL(target).port);
  }

  static async to(target: string): Promise<Relay> {
    const relay = new Relay(target);
    await once(relay.#server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => {
      relay.#server.close();
      relay.cut();
    });
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where the next connections lead. */
  leadTo(target: string): void {
    this.#port = Number(new URL(target).port);
  }

  /** Ends all connections, in the middle of whatever is sent. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when requests that match were sent so often. */
  async asked(pattern: RegExp, times = 1): Promise<void> {
    while ([...this.#asked.matchAll(new RegExp(pattern, "g"))].length < times) await once(this.#more, "asked");
  }

  #pass(socket: net.Socket): void {
    const onward = net.connect(this.#port, "127.0.0.1");
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {}); // "close" tells enough
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    socket.on("data", (chunk) => {
      this.#asked += chunk.toString("latin1");
      this.#more.emit("asked");
    });
  }
}
