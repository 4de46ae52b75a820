import type { Socket } from "node:net";

/**
 * The connections on which a file arrives. `http.requestTimeoutSeconds` would be too short for these, and holds for all
 * others; the time of an upload is bounded by whoever receives it.
 */
export class UploadingSockets {
  readonly #sockets = new WeakSet<Socket>();

  has(socket: Socket): boolean {
    return this.#sockets.has(socket);
  }

  /** @returns ends it */
  add(socket: Socket): () => void {
    this.#sockets.add(socket);
    return () => this.#sockets.delete(socket);
  }
}
