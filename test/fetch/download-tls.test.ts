import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { downloadBench, serveFiles, sha256, someBytes } from "../support/downloading.ts";
import { makeCertificate } from "../support/file-server.ts";
import { chunked, encoded, file, shortBody } from "../support/file-server-replies.ts";
import { startProxy } from "../support/proxy-server.ts";

const BODY = someBytes(2_000_000);
const certificate = await makeCertificate();
const foreign = await makeCertificate("DNS:other.example");
const SETTINGS = /pluginDownload\.ca.*pluginDownload\.verifyTls/;

describe.skipIf(certificate === undefined)("a download over https (needs openssl)", () => {
  const tls = certificate as NonNullable<typeof certificate>;
  const other = foreign as NonNullable<typeof foreign>;
  const serve = (using = tls) => serveFiles({ "/x.zip": file(BODY), "/chunked": chunked(BODY) }, { tls: using });

  it("is refused for a certificate that nobody vouches for, and both remedies are named", async () => {
    const server = await serve();
    const error = await (await downloadBench()).failure(server.url("/x.zip"));
    expect(error.code).toBe("DOWNLOAD_FAILED");
    expect(error.message).toMatch(
      `the certificate of 127.0.0.1:${server.port} is not trusted: self-signed certificate`,
    );
    expect(error.message).toMatch(SETTINGS);
    expect(error.message).not.toContain("\n");
    expect(server.requests).toEqual([]);
  });

  it("takes what is not quite HTTP here, too", async () => {
    const head = "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n";
    const server = await serveFiles({ "/x.zip": (_, { socket }) => void socket?.end(`${head}hello`) }, { tls });
    const bench = await downloadBench({ verifyTls: false });
    expect(await bench.fetch(server.url("/x.zip"))).toEqual({ sha256: sha256(Buffer.from("hello")), bytes: 5 });
  });

  it.each(["ca.pem", "ABSOLUTE"])("trusts what pluginDownload.ca has: %s", async (ca) => {
    const server = await serve();
    const first = await downloadBench();
    await writeFile(join(first.folder, "ca.pem"), `some words\n${other.cert}\n${tls.cert}`);
    const absolute = join(first.folder, "ca.pem");
    const bench = await downloadBench({ ca: ca === "ABSOLUTE" ? absolute : "ca.pem" });
    await writeFile(join(bench.folder, "ca.pem"), tls.cert);
    expect(await bench.fetch(server.url("/x.zip"))).toEqual({ sha256: sha256(BODY), bytes: BODY.length });
  });

  it("trusts a renewed file without a new start", async () => {
    const server = await serve();
    const bench = await downloadBench({ ca: "ca.pem" });
    await writeFile(join(bench.folder, "ca.pem"), other.cert);
    expect((await bench.failure(server.url("/x.zip"))).message).toMatch(SETTINGS);
    await writeFile(join(bench.folder, "ca.pem"), tls.cert);
    await bench.fetch(server.url("/chunked"));
  });

  it("is refused for a trusted certificate of another host", async () => {
    const server = await serve(other);
    const bench = await downloadBench({ ca: "ca.pem" });
    await writeFile(join(bench.folder, "ca.pem"), other.cert);
    const { message } = await bench.failure(server.url("/x.zip"));
    expect(message).toMatch(/is not trusted: Hostname\/IP does not match certificate's altnames/);
    expect(message).toMatch(SETTINGS);
  });

  it("takes any certificate with pluginDownload.verifyTls: false", async () => {
    const server = await serve(other);
    const bench = await downloadBench({ verifyTls: false, ca: "not-even-there.pem" });
    expect(await bench.fetch(server.url("/x.zip"))).toMatchObject({ sha256: sha256(BODY) });
  });

  it("ends with unexpected EOF on a short body, and reads an encoded one", async () => {
    const server = await serveFiles(
      { "/short.zip": shortBody(BODY, BODY.length + 1), "/gzip.zip": encoded(BODY, "gzip") },
      { tls },
    );
    const bench = await downloadBench({ verifyTls: false, maxRetries: 0 });
    expect((await bench.failure(server.url("/short.zip"))).message).toMatch(/: unexpected EOF$/);
    expect(await bench.fetch(server.url("/gzip.zip"))).toMatchObject({ sha256: sha256(BODY) });
    await server.idle();
  });

  it.each([
    ["is not there", undefined, /pluginDownload\.ca cannot be read: .*ca\.pem: no such file or directory$/],
    ["has no certificate", "hello", /pluginDownload\.ca is not a file of PEM certificates: .*ca\.pem$/],
    ["has a broken one", tls.cert.replace(/\n.{10}/, "\nAAAAAAAAAA"), /is not a file of PEM certificates/],
  ])("tells of a file for pluginDownload.ca that %s, for https alone", async (_, content, message) => {
    const [secure, plain] = [await serve(), await serveFiles({ "/x.zip": file(BODY) })];
    const bench = await downloadBench({ ca: "ca.pem" });
    if (content !== undefined) await writeFile(join(bench.folder, "ca.pem"), content);
    expect((await bench.failure(secure.url("/x.zip"))).message).toMatch(message);
    await bench.fetch(plain.url("/x.zip"));
  });

  it("tells of a server without TLS", async () => {
    const plain = await serveFiles({ "/x.zip": file(BODY) });
    const { message } = await (await downloadBench()).failure(plain.url("/x.zip").replace("http:", "https:"));
    expect(message).toMatch(/: TLS handshake with 127\.0\.0\.1:\d+: (wrong version number|packet length too long)$/);
  });

  it("goes through a proxy's tunnel, with the checks of a direct one", async () => {
    const named = (await makeCertificate("DNS:plugins.example")) ?? tls;
    const server = await serveFiles({ "/x.zip": file(BODY) }, { tls: named });
    const proxy = await startProxy(server.port);
    const httpsProxy = `http://user:p%40ss@127.0.0.1:${proxy.port}`;

    const trusting = await downloadBench({ ca: "ca.pem" }, { httpsProxy });
    await writeFile(join(trusting.folder, "ca.pem"), named.cert);
    expect(await trusting.fetch("https://plugins.example/x.zip")).toMatchObject({ sha256: sha256(BODY) });
    expect(proxy.requests).toMatchObject([
      { line: "CONNECT plugins.example:443", headers: { "proxy-authorization": `Basic ${btoa("user:p@ss")}` } },
    ]);
    expect(server.requests[0]?.headers).toMatchObject({ host: "plugins.example" });
    expect(server.requests[0]?.headers["proxy-authorization"]).toBeUndefined();

    const strict = await downloadBench({}, { httpsProxy });
    expect((await strict.failure("https://plugins.example/x.zip")).message).toMatch(SETTINGS);
    await server.idle();
    await proxy.close();
  });
});
