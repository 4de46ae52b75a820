import { getEventListeners, once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { PluginError } from "../../src/domain/errors.ts";
import { downloadBench, serveZip, someBytes } from "../support/downloading.ts";
import type { Reply } from "../support/file-server.ts";
import {
  drip,
  encoded,
  endless,
  file,
  flood,
  keptOpen,
  silent,
  stalled,
  status,
} from "../support/file-server-replies.ts";
import { fullServer } from "../support/full-server.ts";

const BODY = someBytes(100_000);

describe("the size of a download", () => {
  it("is refused before reading when it is announced to be too large", async () => {
    const { reply, sent } = endless({ "content-length": "99999999999999" });
    const { url, server } = await serveZip(reply);
    const error = await (await downloadBench({ maxBytes: 1000 })).failure(url);
    expect(error.message).toBe(
      `fail to download file ${url}: it has 99999999999999 bytes, more than pluginDownload.maxBytes (1000) allows`,
    );
    await server.idle();
    expect(sent()).toBeLessThan(20_000_000); // what fits into the buffers of a connection that nobody reads
    expect(server.requests).toHaveLength(1);
  });

  it("is cut off where nothing was announced", async () => {
    const { reply } = endless();
    const { url, server } = await serveZip(reply);
    const error = await (await downloadBench({ maxBytes: 1_000_000 })).failure(url);
    expect(error.message).toBe(
      `fail to download file ${url}: it has more bytes than pluginDownload.maxBytes (1000000) allows`,
    );
    await server.idle();
  });

  it.each(["gzip", "deflate", "br"] as const)("counts what %s decodes to", async (coding) => {
    const { url } = await serveZip(encoded(Buffer.alloc(50_000_000), coding));
    const error = await (await downloadBench({ maxBytes: 1_000_000 })).failure(url);
    expect(error.message).toMatch(/it has more bytes than pluginDownload\.maxBytes \(1000000\) allows$/);
  });

  it("may be the limit itself", async () => {
    const { url } = await serveZip(file(BODY));
    expect(await (await downloadBench({ maxBytes: BODY.length })).fetch(url)).toMatchObject({ bytes: BODY.length });
    const error = await (await downloadBench({ maxBytes: BODY.length - 1 })).failure(url);
    expect(error.message).toMatch(/it has 100000 bytes, more than pluginDownload\.maxBytes \(99999\) allows$/);
  });
});

describe("a host that never comes to the point is left", () => {
  it.each([
    [
      "interim replies",
      flood("", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)),
      /one interim reply after the other \(103\)$/,
    ],
    [
      "tiny chunks",
      flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "00000001\r\na\r\n".repeat(1000)),
      /tiny chunks/,
    ],
    ["headers", flood("HTTP/1.1 200 OK\r\n", "x-a: b\r\n".repeat(1000)), /the headers of the reply .* are too long$/],
    [
      "trailers",
      flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", "x-a: b\r\n".repeat(1000)),
      /unexpected EOF$/,
    ],
    [
      "a chunk extension",
      flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "a=b;".repeat(1000)),
      /unexpected EOF$/,
    ],
    [
      "another protocol",
      keptOpen("HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: x", "", ""),
      /answered 101: it wants another protocol than HTTP$/,
    ],
  ])("%s", async (_, reply, message) => {
    const { url, server } = await serveZip(reply);
    const error = await (await downloadBench({ maxRetries: 0 })).failure(url);
    expect(error.message).toMatch(message);
    await server.idle();
  });
});

describe("the time of a download", () => {
  it.each([
    ["headers that never come", silent],
    ["a body that stops", stalled(BODY, 200_000)],
    ["a gzip that stops", stalledGzip()],
  ])("is limited for silence: %s", async (_, reply) => {
    const { url, server } = await serveZip(reply);
    const bench = await downloadBench({ idleTimeoutSeconds: 0.2, maxRetries: 0 });
    const error = await bench.failure(url);
    expect(error.message).toBe(
      `fail to download file ${url}: the host sent nothing for 0.2 s (pluginDownload.idleTimeoutSeconds)`,
    );
    await server.idle();
  });

  it("is not limited for a body that keeps coming", async () => {
    const { url } = await serveZip(async (_, response) => {
      for (let n = 0; n < 16; n++) {
        response.write("x");
        await delay(200);
      }
      response.end();
    });
    expect(await (await downloadBench({ idleTimeoutSeconds: 2.5, maxRetries: 0 })).fetch(url)).toMatchObject({
      bytes: 16,
    });
  });

  it.each([
    ["a body that drips", drip(20)],
    ["tries again and again", status(503)],
  ])("is limited as a whole: %s", async (_, reply) => {
    const { url, server } = await serveZip(reply);
    const start = performance.now();
    const error = await (await downloadBench({ timeoutSeconds: 0.5, maxRetries: 20 })).failure(url);
    expect(error.message).toBe(
      `fail to download file ${url}: it took longer than 0.5 s (pluginDownload.timeoutSeconds)`,
    );
    expect(performance.now() - start).toBeLessThan(30_000); // all tries would take a minute
    await server.idle();
  });

  it("is limited for a connection that is not accepted", async () => {
    const port = await fullServer();
    const bench = await downloadBench({ connectTimeoutSeconds: 0.2, maxRetries: 0 });
    const url = `http://127.0.0.1:${port}/x.zip`;
    expect((await bench.failure(url)).message).toBe(
      `fail to download file ${url}: dial tcp 127.0.0.1:${port}: no connection after 0.2 s (pluginDownload.connectTimeoutSeconds)`,
    );
  });

  it("is limited for a handshake that is not answered", async () => {
    const server = net.createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/x.zip`;
    const bench = await downloadBench({ connectTimeoutSeconds: 0.2, maxRetries: 0 });
    expect((await bench.failure(url)).message).toMatch(
      /no connection after 0\.2 s \(pluginDownload\.connectTimeoutSeconds\)$/,
    );
  });
});

describe("a cancelled download", () => {
  const reasons = [new PluginError("SHUTTING_DOWN", "the server stops"), new Error("anything"), "words", undefined];

  it.each(reasons)("rejects with %s", async (reason) => {
    const { url, server } = await serveZip(stalled(BODY, 200_000));
    const bench = await downloadBench();
    const controller = new AbortController();
    const result = bench.fetch(url, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    if (reason instanceof PluginError) await expect(result).rejects.toBe(reason);
    else {
      await expect(result).rejects.toMatchObject({
        code: "DOWNLOAD_FAILED",
        message: `fail to download file ${url}: the download was cancelled`,
      });
    }
    await server.idle();
  });

  it("does not begin when it was cancelled before", async () => {
    const { url, server } = await serveZip(file(BODY));
    const error = await (await downloadBench()).failure(url, { signal: AbortSignal.abort() });
    expect(error.message).toMatch(/: the download was cancelled$/);
    expect(server.requests).toEqual([]);
  });

  it("does not wait for the next try", async () => {
    const { url } = await serveZip(status(503));
    const bench = await downloadBench({ maxRetries: 20 });
    const controller = new AbortController();
    const failure = bench.failure(url, { signal: controller.signal });
    while (bench.logged.length < 3) await delay(5);
    controller.abort();
    // The pause would be 800 ms. Turns are counted, not time: a machine that stalls takes one.
    const late = async () => {
      for (let turn = 0; turn < 300; turn += 1) await delay(1);
      throw new Error("it waits");
    };
    expect((await Promise.race([failure, late()])).message).toMatch(/: the download was cancelled$/);
  });

  it("leaves nothing on the signal", async () => {
    const { url } = await serveZip(file(BODY));
    const { signal } = new AbortController();
    await (await downloadBench()).fetch(url, { signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("close", () => {
  it("ends what is running and refuses what comes after", async () => {
    const { url, server } = await serveZip(silent);
    const bench = await downloadBench();
    const failure = bench.failure(url);
    while (server.requests.length === 0) await delay(5);
    await bench.downloader.close();
    expect((await failure).message).toMatch(/: the download was cancelled$/);
    await server.idle();
    expect((await bench.failure(url)).message).toMatch(/: the download was cancelled$/);
  });
});

function stalledGzip(): Reply {
  return (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).write(gzipSync(BODY).subarray(0, 50_000));
  };
}
