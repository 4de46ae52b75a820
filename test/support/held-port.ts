import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** A port of the loopback at which nobody listens. */
export interface HeldPort {
  readonly port: number;
  release(): void;
}

/**
 * Keeps a port from all others, with nobody listening at it. One that is merely closed is free, and the next server that
 * asks for any port, in whatever process, may get it. Here it is the local end of a connection: others are not given it,
 * connections to it are refused, and who knows it can listen there again.
 *
 * @param vacate lets go of that port; default: any port
 */
export async function holdPort(port = 0, vacate: () => void = () => {}): Promise<HeldPort> {
  const peer = createServer((socket) => void socket.unref().on("error", () => {}));
  peer.listen(0, "127.0.0.1").unref();
  await once(peer, "listening");
  vacate();
  const { port: peerPort } = peer.address() as AddressInfo;
  const holder = connect({ port: peerPort, host: "127.0.0.1", localAddress: "127.0.0.1", localPort: port });
  await once(holder, "connect");
  holder.unref();
  const release = () => {
    holder.destroy();
    peer.close();
  };
  return { port: holder.localPort as number, release };
}
