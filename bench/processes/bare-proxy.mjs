// The least that a proxy on node:http can do: no limits, no log, no check of who asks. Prints where it listens.
import { Agent, createServer, request as open } from "node:http";

const { hostname, port } = new URL(process.argv[2] ?? "");
const agent = new Agent({ keepAlive: false });

const server = createServer((request, response) => {
  const { method, url: path, headers } = request;
  const onward = open({ hostname, port, agent, method, path, headers }, (reply) => {
    const { connection: _, ...kept } = reply.headers;
    response.writeHead(reply.statusCode, kept);
    reply.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
