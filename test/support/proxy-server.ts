import http, { type IncomingHttpHeaders } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";

export interface ProxyServer {
  readonly port: number;
  /** What it was asked for: `GET http://host/x`, `CONNECT host:443`. */
  readonly requests: readonly { readonly line: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/** A proxy on loopback that connects everything to `targetPort` there, whatever the name; `refuse` is its answer. */
export async function startProxy(targetPort: number, refuse?: { status: number }): Promise<ProxyServer> {
  const requests: { line: string; headers: IncomingHttpHeaders }[] = [];
  const sockets = new Set<Socket>();
  const server = http.createServer((request, response) => {
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    if (refuse) return void response.writeHead(refuse.status).end();
    const { pathname, search } = new URL(request.url ?? "");
    const onward = { port: targetPort, path: pathname + search, headers: request.headers };
    const passedOn = http.get(onward, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    passedOn.on("error", () => response.destroy());
  });
  server.on("connect", (request, client: Socket) => {
    requests.push({ line: `CONNECT ${request.url}`, headers: request.headers });
    if (refuse) return void client.end(`HTTP/1.1 ${refuse.status} Refused\r\n\r\n`);
    const target = net.connect(targetPort, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target])
      socket.on("error", () => {}).on("close", () => [client, target].map((s) => s.destroy()));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
