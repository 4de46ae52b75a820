import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/fetch/client.ts";
import { settingLimit } from "../../src/lib/limits.ts";
import { SILENT } from "../../src/lib/log.ts";
import { downloadConfig } from "../support/client.ts";
import { downloadBench, serveFiles, serveZip, sha256, someBytes } from "../support/downloading.ts";
import {
  brokenChunks,
  chunked,
  encoded,
  file,
  keptOpen,
  shortBody,
  status,
  untilClose,
} from "../support/file-server-replies.ts";
import { deadUrl } from "../support/raw-engine.ts";
import { tempFolder } from "../support/temp-folder.ts";

const BODY = someBytes(3_000_001);

it("is whole where the connection is reset after the end that a body in chunks tells of itself", async () => {
  let closed: Promise<unknown> | undefined;
  const server = createServer((socket) => {
    closed = once(
      socket.on("error", () => {}),
      "close",
    );
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nzip\r\n0\r\n\r\n");
      setTimeout(() => socket.resetAndDestroy(), 100); // a reset overtakes what is on its way
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = createClient({ config: downloadConfig(), proxy: {}, baseFolder: "/" });
  const signal = new AbortController().signal;
  const reply = await client.get(new URL(`http://127.0.0.1:${port}/`), { signal, log: SILENT });
  let received = "";
  await reply.read({
    limit: settingLimit("max", 100, (message) => new Error(message)),
    async write(chunk) {
      received += Buffer.from(chunk);
      await closed;
      await delay(50); // until our side has met the reset
    },
  });
  expect(received).toBe("zip");
});

describe("a download over http", () => {
  it.each([
    ["with a length", file(BODY)],
    ["in chunks", chunked(BODY)],
    ["until the connection ends", untilClose(BODY)],
    ["as gzip, unasked", encoded(BODY, "gzip")],
    ["as deflate, unasked", encoded(BODY, "deflate")],
    ["as brotli, unasked", encoded(BODY, "br")],
  ])("is stored and hashed: a body %s", async (_, reply) => {
    const { url, server } = await serveZip(reply);
    const bench = await downloadBench();
    expect(await bench.fetch(url)).toEqual({ sha256: sha256(BODY), bytes: BODY.length });
    expect(BODY.equals(await readFile(bench.file))).toBe(true);
    expect((await stat(bench.file)).mode & 0o777).toBe(0o600);
    expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity");
  });

  it.each([0, 1, 512 * 1024, 1024 * 1024, 1024 * 1024 + 1])("has every byte of a file of %d bytes", async (size) => {
    const body = someBytes(size);
    const { url } = await serveZip(file(body));
    const bench = await downloadBench();
    expect(await bench.fetch(url)).toEqual({ sha256: sha256(body), bytes: size });
    expect(body.equals(await readFile(bench.file))).toBe(true);
  });

  it("asks for what is behind a %20, with the query", async () => {
    const server = await serveFiles({ "/my%20plugin.zip?a=b%20c": file(BODY) });
    const bench = await downloadBench();
    expect(await bench.fetch(server.url("/my%20plugin.zip?a=b%20c"))).toMatchObject({ bytes: BODY.length });
  });

  it("tells how far it is", async () => {
    const { url } = await serveZip(file(BODY));
    const bench = await downloadBench();
    const calls: [number, number | undefined][] = [];
    await bench.fetch(url, { onProgress: (bytes, total) => calls.push([bytes, total]) });
    expect(calls.at(-1)).toEqual([BODY.length, BODY.length]);
    expect(calls.map(([bytes]) => bytes)).toEqual(calls.map(([bytes]) => bytes).sort((a, b) => a - b));
  });

  it.each([
    [404, "404 Not Found"],
    [403, "403 Forbidden"],
    [204, "204 No Content"],
    [206, "206 Partial Content"],
    [304, "304 Not Modified"],
    [500, "500 Internal Server Error"],
  ])("is refused with status %d", async (code, words) => {
    const { url, server } = await serveZip(status(code));
    const error = await (await downloadBench()).failure(url);
    expect(error).toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: `fail to download file ${url}: cannot download the file with status: ${words}`,
    });
    expect(server.requests).toHaveLength(1);
  });

  it("shows the server's own words for a status on one line", async () => {
    const { url } = await serveZip((_, { socket }) => void socket?.end(`HTTP/1.1 418 T\x9b\xe9a\r\n\r\n`, "latin1"));
    const error = await (await downloadBench()).failure(url);
    expect(error.message).toBe(`fail to download file ${url}: cannot download the file with status: 418 T\\u009béa`);
  });

  it.each([
    ["a body shorter than its length", shortBody(BODY, BODY.length + 1)],
    ["a body broken off by a reset", file(BODY, { resetAfter: [1_000_000], acceptRanges: false })],
    ["chunks without an end", brokenChunks(BODY)],
    ["a reset where only the end of the connection ends the body", untilClose(BODY, { reset: true })],
    ["a gzip that is cut", encoded(BODY, "gzip", { cut: 1000 })],
    ["a brotli that is cut", encoded(BODY, "br", { cut: 1000 })],
  ])("ends with unexpected EOF: %s", async (_, reply) => {
    const { url } = await serveZip(reply);
    const error = await (await downloadBench({ maxRetries: 0 })).failure(url);
    expect(error.message).toBe(`fail to download file ${url}: unexpected EOF`);
    expect(error.code).toBe("DOWNLOAD_FAILED");
    expect(error.cause).toBeDefined();
  });

  it.each([
    ["broken gzip", { "content-encoding": "gzip" }, "the content encoding gzip is broken"],
    [
      "an encoding that is not supported",
      { "content-encoding": "x-own, zstd" },
      "the content encoding zstd is not supported",
    ],
    ["two encodings", { "content-encoding": "gzip, br" }, "the content encoding gzip, br is not supported"],
  ])("is refused: %s", async (_, headers, reason) => {
    const { url } = await serveZip((__, response) => void response.writeHead(200, headers).end("no such thing"));
    expect((await (await downloadBench()).failure(url)).message).toBe(`fail to download file ${url}: ${reason}`);
  });

  it("tells of a server that does not speak HTTP", async () => {
    const { url, server } = await serveZip((_, { socket }) => void socket?.end("SSH-2.0-OpenSSH_9.6\r\n"));
    const { message } = await (await downloadBench()).failure(url);
    expect(message).toMatch(
      `fail to download file ${url}: malformed HTTP response of 127.0.0.1:${server.port}: it does not begin with HTTP/1.`,
    );
  });

  it.each(["aws-chunked", "UTF-8", "none", "binary", "zip", "identity", "x-own, none"])(
    "takes the bytes as they are with the encoding %s, which says nothing about them",
    async (coding) => {
      const { url } = await serveZip((_, response) => {
        response.writeHead(200, { "content-encoding": coding, "content-length": BODY.length }).end(BODY);
      });
      expect(await (await downloadBench()).fetch(url)).toEqual({ sha256: sha256(BODY), bytes: BODY.length });
    },
  );

  it("decodes gzip beside such an encoding", async () => {
    const { url } = await serveZip((_, response) => {
      response.writeHead(200, { "content-encoding": "x, gzip" }).end(gzipSync(BODY));
    });
    expect(await (await downloadBench()).fetch(url)).toEqual({ sha256: sha256(BODY), bytes: BODY.length });
  });

  it.each([
    [
      "Content-Length beside chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    [
      "a wrong Content-Length beside chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ["lines that end in LF alone", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"],
    ["a folded header", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello"],
    ["a control character in a header", "HTTP/1.1 200 OK\r\nX-A: b\x01c\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "blanks behind the size of a chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\n\r\n",
    ],
    ["the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length:  5\r\n\r\nhello"],
    ["the same length thrice, in lines that end in LF", `HTTP/1.1 200 OK\n${"Content-Length: 5\n".repeat(3)}\nhello`],
    ["a blank before a colon", "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length\t : 5\r\nX-B  :\r\n\r\nhello"],
    [
      "either of them behind an interim reply",
      "HTTP/1.1 103 Early Hints\r\nLink : x\r\n\r\nHTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    ],
  ])("takes what is not quite HTTP: %s", async (_, reply) => {
    const { url } = await serveZip((__, { socket }) => void socket?.end(reply, "latin1"));
    const bench = await downloadBench();
    expect(await bench.fetch(url)).toMatchObject({ bytes: 5 });
    expect(await readFile(bench.file, "utf8")).toBe("hello");
  });

  it("takes it in whatever pieces it comes, and leaves the body as it is", async () => {
    const head = "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 26\r\nContent-Length: 26\r\n\r\n";
    const body = "X-A : b\r\nContent-Length: 5\n";
    const { url } = await serveZip((_, { socket }) => {
      const pieces = [...`${head}${body.slice(0, 26)}`];
      const next = () => {
        const piece = pieces.shift();
        if (piece === undefined) socket?.end();
        else socket?.write(piece, () => setImmediate(next));
      };
      next();
    });
    const bench = await downloadBench();
    expect(await bench.fetch(url)).toMatchObject({ bytes: 26 });
    expect(await readFile(bench.file, "utf8")).toBe(body.slice(0, 26));
  });

  it.each([
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "it has more than one Content-Length",
    ],
    [
      "a length that is no number",
      "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
      "its Content-Length is no number",
    ],
    [
      "a blank in a header's name",
      "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 5\r\n\r\nhello",
      "a header has a forbidden character in its name, such as a blank",
    ],
  ])("says in words what is wrong: %s", async (_, reply, reason) => {
    const { url, server } = await serveZip((__, { socket }) => void socket?.end(reply));
    const { message } = await (await downloadBench()).failure(url);
    expect(message).toBe(
      `fail to download file ${url}: malformed HTTP response of 127.0.0.1:${server.port}: ${reason}`,
    );
  });

  it("tells of headers that have no end", async () => {
    const { url } = await serveZip(
      (_, { socket }) => void socket?.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`),
    );
    expect((await (await downloadBench()).failure(url)).message).toMatch(
      /the headers of the reply of \S+ are too long$/,
    );
  });

  it("tells that nobody listens, at once and without trying again", async () => {
    const dead = await deadUrl();
    const url = `${dead}/x.zip`;
    const bench = await downloadBench();
    expect((await bench.failure(url)).message).toBe(
      `fail to download file ${url}: dial tcp ${new URL(dead).host}: connect: connection refused`,
    );
    expect(bench.logged).toEqual([]);
  });

  it("tells that there is no such host", async () => {
    const error = await (await downloadBench({ maxRetries: 0 })).failure("http://no-host.invalid/x.zip");
    // Without a network the resolver says that it can't know.
    expect(error.message).toMatch(
      /: dial tcp: lookup no-host\.invalid: (no such host|temporary failure in name resolution)$/,
    );
  });
});

describe("after a download", () => {
  it("no connection is open, whatever came of it", async () => {
    const server = await serveFiles({
      "/good.zip": file(BODY),
      "/empty.zip": file(Buffer.alloc(0)),
      "/chunked.zip": chunked(BODY),
      "/missing.zip": status(404),
      "/moved.zip": status(302, { location: "/missing.zip", "content-length": "0" }),
      "/short.zip": shortBody(BODY, BODY.length + 1),
    });
    await Promise.all(
      ["good", "empty", "chunked", "missing", "moved", "short"].map(async (name) => {
        const { fetch } = await downloadBench({ maxRetries: 0 });
        await fetch(server.url(`/${name}.zip`)).catch(() => {});
      }),
    );
    expect(server.requests.length).toBeGreaterThan(6);
    await server.idle();
  });

  it("no connection is open that the server would keep", async () => {
    const server = await serveFiles({
      "/good.zip": keptOpen("HTTP/1.1 200 OK", "content-length: 4", "", "body"),
      "/chunked.zip": keptOpen("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "4", "body", "0", "", ""),
      "/empty.zip": keptOpen("HTTP/1.1 200 OK", "content-length: 0", "", ""),
      "/missing.zip": keptOpen("HTTP/1.1 404 Not Found", "content-length: 0", "", ""),
      "/moved.zip": keptOpen("HTTP/1.1 302 Found", "location: /good.zip", "content-length: 0", "", ""),
    });
    for (const name of ["good", "chunked", "empty", "missing", "moved"]) {
      const bench = await downloadBench();
      await bench.fetch(server.url(`/${name}.zip`)).catch(({ message }) => expect(message).toContain("404"));
      await server.idle();
    }
  });

  it("two run at once without mixing", async () => {
    const server = await serveFiles(await folderWith({ "a.zip": someBytes(5_000_000), "b.zip": BODY }));
    const [a, b] = await Promise.all([downloadBench(), downloadBench()]);
    const [first, second] = await Promise.all([a.fetch(server.url("/a.zip")), b.fetch(server.url("/b.zip"))]);
    expect([first.sha256, second.sha256]).toEqual([sha256(someBytes(5_000_000)), sha256(BODY)]);
  });
});

async function folderWith(files: Record<string, Buffer>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, bytes] of Object.entries(files)) await writeFile(`${folder}/${name}`, bytes);
  return folder;
}
