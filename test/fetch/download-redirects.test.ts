import { describe, expect, it } from "vitest";
import { downloadBench, serveFiles, sha256, someBytes } from "../support/downloading.ts";
import { file, redirect, status } from "../support/file-server-replies.ts";

const BODY = someBytes(10_000);
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

describe("redirects", () => {
  it.each([301, 302, 303, 307, 308])("are followed: %d", async (code) => {
    const server = await serveFiles({ "/x.zip": redirect("/y", code), "/y": file(BODY) });
    expect(await (await downloadBench()).fetch(server.url("/x.zip"))).toMatchObject({ sha256: sha256(BODY) });
  });

  it.each([
    ["../b/y.zip?k=1", "/b/y.zip?k=1"],
    ["y.zip", "/a/y.zip"],
    ["?k=2", "/a/x.zip?k=2"],
    ["/ü.zip", "/%C3%BC.zip"],
  ])("have a Location relative to where they come from: %s", async (location, path) => {
    const server = await serveFiles({
      "/a/x.zip": redirect(Buffer.from(location, "utf8").toString("latin1")),
      [path]: file(BODY),
    });
    await (await downloadBench()).fetch(server.url("/a/x.zip"));
    expect(server.requests.at(-1)?.path).toBe(path);
  });

  function chain(length: number) {
    const hops = Array.from({ length }, (_, n) => [n === 0 ? "/x.zip" : `/${n}`, redirect(`/${n + 1}`)] as const);
    return { ...Object.fromEntries(hops), [`/${length}`]: file(BODY) };
  }

  it("are followed up to the limit and not further", async () => {
    const [ten, eleven] = [await serveFiles(chain(10)), await serveFiles(chain(11))];
    await (await downloadBench()).fetch(ten.url("/x.zip"));
    const url = eleven.url("/x.zip");
    const error = await (await downloadBench()).failure(url);
    expect(error.message).toBe(`fail to download file ${url}: stopped after 10 redirects`);
    expect(eleven.requests).toHaveLength(11);
    expect((await (await downloadBench({ maxRedirects: 0 })).failure(url)).message).toMatch(
      /stopped after 0 redirects$/,
    );
  });

  it.each([
    ["file:///etc/passwd", 'redirect refused: unsupported protocol scheme "file"'],
    ["ftp://127.0.0.1/x.zip", 'redirect refused: unsupported protocol scheme "ftp"'],
    ["data:,x", 'redirect refused: unsupported protocol scheme "data"'],
    ["http://user:secret@[bad/x.zip?token=secret", "failed to parse the Location header of a redirect"],
  ])("to something else are refused: %s", async (location, reason) => {
    const server = await serveFiles({ "/x.zip": redirect(location) });
    const bench = await downloadBench();
    const error = await bench.failure(server.url("/x.zip"));
    expect(error.message).toBe(`fail to download file ${server.url("/x.zip")}: ${reason}`);
    expect(JSON.stringify([error, error.cause, bench.logged])).not.toContain("secret");
  });

  it("without a Location are refused", async () => {
    const server = await serveFiles({ "/x.zip": status(302) });
    expect((await (await downloadBench()).failure(server.url("/x.zip"))).message).toMatch(
      /: 302 response missing Location header$/,
    );
  });
});

describe("credentials in a URL", () => {
  const withUser = (url: string, user: string) => url.replace("://", `://${user}@`);

  it("are sent decoded, as basic authorization, and stay with their origin", async () => {
    const other = await serveFiles({ "/y.zip": file(BODY), "/back": redirect("/y.zip") });
    const server = await serveFiles({
      "/x.zip": redirect("/same.zip"),
      "/same.zip": redirect(other.url("/back")),
    });
    await (await downloadBench()).fetch(withUser(server.url("/x.zip"), "us%65r:p%40ss%3A%25"));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      basic("user:p@ss:%"),
      basic("user:p@ss:%"),
    ]);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it("are not sent again by a way back from another origin", async () => {
    const replies: Record<string, ReturnType<typeof redirect>> = { "/y.zip": file(BODY) };
    const server = await serveFiles(replies);
    const other = await serveFiles({ "/other": redirect(server.url("/y.zip")) });
    replies["/x.zip"] = redirect(other.url("/other"));
    await (await downloadBench()).fetch(withUser(server.url("/x.zip"), "user:secret"));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([basic("user:secret"), undefined]);
  });

  it("of a redirect's own are for where it leads", async () => {
    const other = await serveFiles({ "/y.zip": file(BODY) });
    const server = await serveFiles({ "/x.zip": redirect(withUser(other.url("/y.zip"), "their:own")) });
    await (await downloadBench()).fetch(withUser(server.url("/x.zip"), "user:secret"));
    expect(other.requests[0]?.headers.authorization).toBe(basic("their:own"));
  });

  it("with a lone % are sent as they stand", async () => {
    const server = await serveFiles({ "/x.zip": file(BODY) });
    await (await downloadBench()).fetch(withUser(server.url("/x.zip"), "user:100%"));
    expect(server.requests[0]?.headers.authorization).toBe(basic("user:100%"));
  });

  it("are in no message and in no log line", async () => {
    const server = await serveFiles({ "/x.zip?token=s3cret": status(503) });
    const bench = await downloadBench({ maxRetries: 1 });
    const error = await bench.failure(withUser(server.url("/x.zip?token=s3cret"), "user:p4ss"));
    expect(error.message).toMatch(/x\.zip\?token=\*\*\*: cannot download the file with status: 503/);
    expect(bench.logged).toHaveLength(1);
    expect(JSON.stringify([error.message, String(error.cause), bench.logged])).not.toMatch(/s3cret|p4ss/);
  });
});

describe("pluginDownload.allowedHosts", () => {
  it.each([
    [["127.0.0.1"], true],
    [["127.0.0.1:PORT"], true],
    [["other.example", "127.0.0.1"], true],
    [["127.0.0.1:1"], false],
    [["other.example"], false],
    [["*.0.0.1"], false],
    [["*.127.0.0.1"], false],
  ])("%j lets 127.0.0.1 in: %s", async (entries, allowed) => {
    const server = await serveFiles({ "/x.zip": file(BODY) });
    const allowedHosts = entries.map((entry) => entry.replace("PORT", String(server.port)));
    const bench = await downloadBench({ allowedHosts });
    if (allowed) await bench.fetch(server.url("/x.zip"));
    else {
      const reason = `the host 127.0.0.1:${server.port} is not in pluginDownload.allowedHosts`;
      expect((await bench.failure(server.url("/x.zip"))).message).toBe(
        `fail to download file ${server.url("/x.zip")}: ${reason}`,
      );
      expect(server.requests).toEqual([]);
    }
  });

  it("is asked again for every redirect", async () => {
    const other = await serveFiles({ "/y.zip": file(BODY) });
    const server = await serveFiles({ "/x.zip": redirect(other.url("/y.zip")) });
    const bench = await downloadBench({ allowedHosts: [`127.0.0.1:${server.port}`] });
    expect((await bench.failure(server.url("/x.zip"))).message).toMatch(/is not in pluginDownload\.allowedHosts$/);
    expect(other.requests).toEqual([]);
  });
});
