import { readFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Client } from "../../src/fetch/client.ts";
import { FetchFailure } from "../../src/fetch/failure.ts";
import { fetchPage } from "../../src/fetch/page.ts";
import { type Answer, CONFIG, links, redirect, serve, startFileHost } from "../catalogue/file-host.ts";
import { testClient } from "../support/client.ts";
import { deadUrl } from "../support/raw-engine.ts";

interface Access {
  readonly client?: Client;
  readonly signal?: AbortSignal;
}

function get(url: string, { client = testClient(), signal = new AbortController().signal }: Access = {}) {
  return fetchPage(client, new URL(url), { signal, maxBytes: CONFIG.maxPageBytes, log: { warn() {} } });
}

const tooLate = () => new FetchFailure("no answer within 0.2 s");

/** A deadline of a fifth of a second, for servers that never answer. */
function soon(): Access {
  const controller = new AbortController();
  setTimeout(() => controller.abort(tooLate()), 200);
  return { signal: controller.signal };
}

test("a page, its text and its address", async () => {
  const { origin } = await startFileHost({ "/a/?b=%20": "<p>Zürich" });
  const page = await get(`${origin}/a/?b=%20`);
  expect(page.text).toBe("<p>Zürich");
  expect(page.url.href).toBe(`${origin}/a/?b=%20`);
});

test("a page that is sent as gzip", async () => {
  const { origin } = await startFileHost({
    "/": (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("<p>text")),
  });
  expect((await get(origin)).text).toBe("<p>text");
});

describe("redirects", () => {
  test.each([301, 302, 303, 307, 308])("%i is followed, and the page is where it is in the end", async (status) => {
    const { origin } = await startFileHost({ "/a": redirect("b/c", status), "/b/c": "here" });
    const page = await get(`${origin}/a`);
    expect(page).toEqual({ text: "here", url: new URL(`${origin}/b/c`), contentType: "text/html" });
  });

  test("to another host", async () => {
    const other = await startFileHost({ "/x/": "there" });
    const { origin } = await startFileHost({ "/a": redirect(`${other.origin}/x/`) });
    expect((await get(`${origin}/a`)).url.href).toBe(`${other.origin}/x/`);
  });

  test("five are followed, six are not", async () => {
    const chain = (length: number) =>
      Object.fromEntries(Array.from({ length }, (_, step) => [`/${step}`, redirect(`/${step + 1}`)]));
    const { origin } = await startFileHost({ ...chain(5), "/5": "end" });
    expect((await get(`${origin}/0`)).text).toBe("end");
    const longer = await startFileHost({ ...chain(6), "/6": "end" });
    await expect(get(`${longer.origin}/0`)).rejects.toThrow(/^stopped after 5 redirects$/);
    expect(longer.requests).toHaveLength(6);
  });

  test.each([
    ["file:///etc/passwd", 'redirect refused: unsupported protocol scheme "file"'],
    ["ftp://127.0.0.1/", 'redirect refused: unsupported protocol scheme "ftp"'],
    ["javascript:x", 'redirect refused: unsupported protocol scheme "javascript"'],
    ["http://[bad/", "failed to parse the Location header of a redirect"],
  ])("not to %s", async (location, reason) => {
    const { origin } = await startFileHost({ "/a": redirect(location) });
    await expect(get(`${origin}/a`)).rejects.toMatchObject({ message: reason, answered: true });
  });
});

describe("credentials", () => {
  test("are sent to their own origin, never to another, and are in no address", async () => {
    const seen: (string | undefined)[] = [];
    const note =
      (location?: string): Answer =>
      (request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(location === undefined ? 200 : 302, { location: location ?? "" }).end();
      };
    const other = await startFileHost({ "/x": note() });
    const host = await startFileHost({ "/a": note("/b"), "/b": note(`${other.origin}/x`) });

    const page = await get(host.origin.replace("//", "//us%65r:p%40s:s%@").concat("/a"));
    const basic = `Basic ${Buffer.from("user:p@s:s%").toString("base64")}`;
    expect(seen).toEqual([basic, basic, undefined]);
    expect(page.url.href).toBe(`${other.origin}/x`);
  });

  test("of a redirect's own are for where it leads, and are in no address", async () => {
    let authorization: string | undefined = "none yet";
    const host = await startFileHost({
      "/x": (request, response) => {
        authorization = request.headers.authorization;
        response.end("end");
      },
      "/a": (request, response) => response.writeHead(302, { location: `//u:p@${request.headers.host}/x` }).end(),
    });
    expect((await get(`${host.origin}/a`)).url.href).toBe(`${host.origin}/x`);
    expect(authorization).toBe(`Basic ${btoa("u:p")}`);
  });
});

describe("failures, and whether the server did answer", () => {
  const failure = async (page: Promise<unknown>) => {
    const error = await page.then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(FetchFailure);
    return [error.brief, error.answered];
  };

  test.each([
    [404, "404 Not Found"],
    [401, "401 Unauthorized"],
    [503, "503 Service Unavailable"],
    [204, "204 No Content"],
    [304, "304 Not Modified"],
    [599, "599"],
  ])("status %i", async (status, reason) => {
    const { origin } = await startFileHost({ "/": (_request, response) => response.writeHead(status).end() });
    expect(await failure(get(origin))).toEqual([reason, true]);
  });

  test("a redirect to nowhere", async () => {
    const { origin } = await startFileHost({ "/": (_request, response) => response.writeHead(302).end() });
    expect(await failure(get(origin))).toEqual(["302 response missing Location header", true]);
  });

  test("a long error page, announced or not", async () => {
    const page = "x".repeat(1_000_000);
    const { origin } = await startFileHost({
      "/announced": (_request, response) => response.writeHead(404, { "content-length": page.length }).end(page),
      "/streamed": (_request, response) => {
        response.writeHead(404).write(page);
        response.end(page);
      },
    });
    expect(await failure(get(`${origin}/announced`))).toEqual(["404 Not Found", true]);
    expect(await failure(get(`${origin}/streamed`))).toEqual(["404 Not Found", true]);
  });

  test("nothing listens", async () => {
    expect(await failure(get(await deadUrl()))).toEqual(["connection refused", false]);
  });

  test("a name that does not exist", async () => {
    const [reason] = await failure(get("http://no-such-host.invalid/"));
    expect(reason).toMatch(/^no such host$|^no answer of the name server$/);
  });

  test("too large, with the size announced or not, even when it is small as gzip", async () => {
    const large = links(...Array.from({ length: 10_000 }, (_, index) => `p${index}.zip`));
    const { origin } = await startFileHost({
      "/announced": large,
      "/streamed": (_request, response) => {
        for (let at = 0; at < large.length; at += 1000) response.write(large.slice(at, at + 1000));
        response.end();
      },
      "/gzip": (_request, response) => {
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(10_000_000)));
      },
    });
    for (const path of ["/announced", "/streamed", "/gzip"]) {
      expect(await failure(get(origin + path))).toEqual(["page larger than 65536 bytes", false]);
    }
  });

  test("exactly as large as allowed", async () => {
    const { origin } = await startFileHost({ "/": "x".repeat(CONFIG.maxPageBytes) });
    expect((await get(origin)).text).toHaveLength(CONFIG.maxPageBytes);
  });

  test("never ends", async () => {
    const { origin } = await startFileHost({
      "/": (_request, response) => {
        const more = () =>
          void (response.write("x".repeat(16_384)) ? setImmediate(more) : response.once("drain", more));
        more();
      },
    });
    expect(await failure(get(origin))).toEqual(["page larger than 65536 bytes", false]);
  });

  test("no answer, or only the beginning of one", async () => {
    const { origin } = await startFileHost({
      "/silent": () => {},
      "/half": (_request, response) => void response.writeHead(200).write("<a href=x>"),
      "/error": (_request, response) => void response.writeHead(500).write("sorry"),
    });
    expect(await failure(get(`${origin}/silent`, soon()))).toEqual(["no answer within 0.2 s", false]);
    expect(await failure(get(`${origin}/half`, soon()))).toEqual(["no answer within 0.2 s", false]);
    expect(await failure(get(`${origin}/error`))).toEqual(["500 Internal Server Error", true]);
  });

  test("a connection that never comes about", async () => {
    const address = await serveTcp(() => {});
    expect(await failure(get(`https://${address}/`, soon()))).toEqual(["no answer within 0.2 s", false]);
  });

  test("after the deadline nothing is asked", async () => {
    const { origin, requests } = await startFileHost({ "*": "x" });
    expect(await failure(get(origin, { signal: AbortSignal.abort(tooLate()) }))).toEqual([
      "no answer within 0.2 s",
      false,
    ]);
    expect(requests).toEqual([]);
  });

  test("the time for a connection and the longest silence of a host are those of downloads", async () => {
    const client = testClient({ connectTimeoutSeconds: 0.2, idleTimeoutSeconds: 0.2 });
    const { origin } = await startFileHost({ "*": () => {} });
    expect(await failure(get(`https://${await serveTcp(() => {})}/`, { client }))).toEqual([
      "no answer while connecting",
      false,
    ]);
    expect(await failure(get(origin, { client }))).toEqual([
      "the host sent nothing for 0.2 s (pluginDownload.idleTimeoutSeconds)",
      false,
    ]);
  });

  test("a page that breaks off", async () => {
    const { origin } = await startFileHost({
      "/": (_request, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("x", () => response.destroy());
      },
    });
    expect(await failure(get(origin))).toEqual(["connection closed early", false]);
  });

  test("gzip that is none, or breaks off", async () => {
    const gzip = { "content-encoding": "gzip" };
    const { origin } = await startFileHost({
      "/none": (_request, response) => response.writeHead(200, gzip).end("text"),
      "/half": (_request, response) => response.writeHead(200, gzip).end(gzipSync("text").subarray(0, -8)),
      "/br": (_request, response) => response.writeHead(200, { "content-encoding": "br" }).end("x"),
      "/own": (_request, response) => response.writeHead(200, { "content-encoding": "zstd" }).end("x"),
    });
    expect(await failure(get(`${origin}/none`))).toEqual(["broken gzip", false]);
    expect(await failure(get(`${origin}/half`))).toEqual(["broken gzip", false]);
    expect(await failure(get(`${origin}/br`))).toEqual(["broken br", false]);
    expect(await failure(get(`${origin}/own`))).toEqual(["the content encoding zstd is not supported", true]);
  });

  test("what does not speak HTTP", async () => {
    const address = await serveTcp((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    expect(await failure(get(`http://${address}`))).toEqual(["not an HTTP answer", false]);
  });

  test("https where there is none", async () => {
    const { origin } = await startFileHost({});
    expect(await failure(get(origin.replace("http:", "https:")))).toEqual(["no HTTPS there", false]);
  });

  test("a certificate that is not trusted, unless the settings say so", async () => {
    const file = (name: string) => fileURLToPath(new URL(`../catalogue/tls/${name}.pem`, import.meta.url));
    const tls = { cert: readFileSync(file("cert")), key: readFileSync(file("key")) };
    const server = createHttpsServer(tls, (_request, response) => response.end("secret page"));
    const origin = `https://${await serve(server as never)}`;
    expect(await failure(get(origin))).toEqual(["certificate not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)", false]);
    expect((await get(origin, { client: testClient({ ca: file("cert") }) })).text).toBe("secret page");
  });

  test("a mistake of ours is not taken for a failure of the host", async () => {
    const client: Client = { get: () => Promise.reject(new TypeError("oops")) };
    await expect(get("http://host/", { client })).rejects.toThrow(TypeError);
  });
});

/** Serves plain TCP until the test is over. */
async function serveTcp(listener: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    listener(socket);
  });
  const closeAllConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return await serve(Object.assign(server, { closeAllConnections }) as never);
}
