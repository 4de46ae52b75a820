// An engine's REST interface, as far as its speed matters: a short list of rules, and the end of the connection. Prints
// where it listens.
import { createServer } from "node:http";

const rules = Array.from({ length: 10 }, (_, index) => ({ id: `rule${index}`, name: "", status: "Running" }));
const body = Buffer.from(JSON.stringify(rules));

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length, connection: "close" });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
