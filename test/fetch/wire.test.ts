import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { Wire } from "../../src/fetch/wire.ts";

it("what was not read before the connection was closed is read afterwards", async () => {
  const server = createServer((socket) => socket.end("the body")).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<unknown> | undefined;
  const wire = new Wire((onread) => {
    const socket = connect({ port, host: "127.0.0.1", onread });
    closed = once(socket, "close");
    return socket;
  });
  wire.read(0);
  await closed;
  expect(await text(wire)).toBe("the body");
  if (!wire.destroyed) await once(wire, "close");
});
