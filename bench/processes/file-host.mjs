// Serves the files of one folder, as a plugin host would. Prints where it listens.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

const [folder = "."] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const file = join(folder, basename(request.url ?? ""));
  try {
    const { size } = await stat(file);
    response.writeHead(200, { "content-type": "application/zip", "content-length": size });
    await pipeline(createReadStream(file, { highWaterMark: 512 * 1024 }), response);
  } catch {
    if (response.headersSent) response.destroy();
    else response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
