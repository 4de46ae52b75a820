// The least that an HTTP server can do: the same bytes to every request. Prints where it listens.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const [bodyFile = "", contentType = ""] = process.argv.slice(2);
const body = readFileSync(bodyFile);

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": contentType, "content-length": body.length });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
