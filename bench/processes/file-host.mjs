// Serves the files of one folder, as a plugin host would; over https where a certificate and its key are given. Prints
// where it listens.
import { createReadStream, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

const [folder = ".", cert, key] = process.argv.slice(2);

const answer = async (request, response) => {
  const file = join(folder, basename(request.url ?? ""));
  try {
    const { size } = await stat(file);
    response.writeHead(200, { "content-type": "application/zip", "content-length": size });
    await pipeline(createReadStream(file, { highWaterMark: 512 * 1024 }), response);
  } catch {
    if (response.headersSent) response.destroy();
    else response.writeHead(404).end();
  }
};
const server =
  cert === undefined
    ? createHttpServer(answer)
    : createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer);
const scheme = cert === undefined ? "http" : "https";
server.listen(0, "127.0.0.1", () => process.stdout.write(`${scheme}://127.0.0.1:${server.address().port}\n`));
