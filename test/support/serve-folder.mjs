// Serves a folder's files over HTTP in a process of its own, so that a test that measures is not what it measures.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, join } from "node:path";

const folder = process.argv[2];

const server = createServer(async (request, response) => {
  const file = join(folder, basename(request.url));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return response.writeHead(404).end();
  response.on("error", () => {}); // the client may go at any time
  response.writeHead(200, { "content-length": found.size });
  createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(response);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
