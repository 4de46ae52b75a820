import { describe, expect, it } from "vitest";
import { downloadBench, serveFiles, serveZip, sha256, someBytes } from "../support/downloading.ts";
import type { Reply } from "../support/file-server.ts";
import { chunked, file, inTurn, partial, redirect, status } from "../support/file-server-replies.ts";

const BODY = someBytes(4_000_000);
const OTHER = Buffer.from(BODY).reverse();
const HALF = 2_000_000;
const ETAG = '"one"';
const OLD = "Wed, 01 Jan 2020 00:00:00 GMT";

/** Downloads, and tells of the requests: the start of the range that each asked for. */
async function resumed(reply: Reply, expected = BODY, settings = {}) {
  const { url, server } = await serveZip(reply);
  const bench = await downloadBench(settings);
  expect(await bench.fetch(url)).toEqual({ sha256: sha256(expected), bytes: expected.length });
  const requests = server.requests.map(({ headers: { range, "if-range": validator } }) => ({ range, validator }));
  await server.idle();
  return { requests, bench };
}

const fromStart = { range: undefined, validator: undefined };
const fromSomewhere = (validator: string) => ({ range: expect.stringMatching(/^bytes=[1-9]\d*-$/), validator });

describe("a download that breaks off", () => {
  it.each([
    ["a strong ETag", { etag: ETAG }, ETAG],
    ["an old Last-Modified", { lastModified: OLD }, OLD],
    ["an ETag before Last-Modified", { etag: ETAG, lastModified: OLD }, ETAG],
  ])("goes on where it was, with %s", async (_, options, validator) => {
    const { requests, bench } = await resumed(file(BODY, { ...options, resetAfter: [HALF, HALF / 2] }));
    expect(requests).toEqual([fromStart, fromSomewhere(validator), fromSomewhere(validator)]);
    expect(bench.logged.join("")).toContain("the download broke off, trying again");
  });

  it("goes on from the very byte", async () => {
    const { requests } = await resumed(file(BODY, { etag: ETAG, resetAfter: [HALF] }));
    const from = Number(/\d+/.exec(requests[1]?.range ?? "")?.[0]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(HALF);
  });

  it.each([
    ["offers no ranges", { etag: ETAG, acceptRanges: false }],
    ["has no validator", {}],
    ["has a weak ETag", { etag: 'W/"one"' }],
    ["has a weak ETag besides a Last-Modified", { etag: 'W/"one"', lastModified: OLD }],
    ["changed it after the reply", { lastModified: new Date(Date.now() + 60_000).toUTCString() }],
  ])("starts again where the server %s", async (_, options) => {
    const { requests } = await resumed(file(BODY, { ...options, resetAfter: [HALF] }));
    expect(requests).toEqual([fromStart, fromStart]);
  });

  it.each(['etag: "\x01"', `date: Wed, 01 Jan 2020 00:01:00 GMT\r\nlast-modified: ${OLD} (\x01)`])(
    "starts again where the validator has a control character, which no header may have: %j",
    async (validator) => {
      const head = `HTTP/1.1 200 OK\r\n${validator}\r\naccept-ranges: bytes\r\ncontent-length: ${BODY.length}\r\n\r\n`;
      const { requests } = await resumed(
        inTurn(
          (_, { socket }) => void socket?.end(Buffer.concat([Buffer.from(head), BODY.subarray(0, HALF)])),
          file(BODY),
        ),
      );
      expect(requests).toEqual([fromStart, fromStart]);
    },
  );

  const broken = file(BODY, { etag: ETAG, resetAfter: [HALF] });
  it.each<[string, Reply, number]>([
    ["another file by now", file(OTHER, { etag: '"two"' }), 2],
    ["no range for it", file(OTHER, { acceptRanges: false }), 2],
    ["chunks", chunked(OTHER), 2],
    ["nothing in that range", status(416), 3],
    ["another range", partial(OTHER, `bytes 0-${BODY.length - 1}/${BODY.length}`), 3],
    ["another size", partial(OTHER.subarray(0, 9), "bytes 1-9/10"), 3],
    ["an unreadable range", partial(OTHER, "bytes */*"), 3],
  ])("starts again when the server has %s", async (_, second, count) => {
    const { requests } = await resumed(inTurn(broken, second, file(OTHER)), OTHER);
    expect(requests).toEqual([fromStart, fromSomewhere(ETAG), fromStart].slice(0, count));
  });

  it("starts again when the range is right but the ETag has changed", async () => {
    const second: Reply = (request, response, count) => {
      const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0]);
      const range = `bytes ${from}-${OTHER.length - 1}/${OTHER.length}`;
      return partial(OTHER.subarray(from), range, { etag: '"two"' })(request, response, count);
    };
    await resumed(inTurn(broken, second, file(OTHER)), OTHER);
  });

  it.each([502, 503, 504])("keeps what it has over a status %d", async (code) => {
    const { requests } = await resumed(inTurn(broken, status(code), file(BODY, { etag: ETAG })));
    expect(requests).toEqual([fromStart, fromSomewhere(ETAG), fromSomewhere(ETAG)]);
  });

  it("is asked for at its first address again", async () => {
    const server = await serveFiles({ "/x.zip": redirect("/y.zip"), "/y.zip": broken });
    await (await downloadBench()).fetch(server.url("/x.zip"));
    expect(server.requests.map(({ path }) => path)).toEqual(["/x.zip", "/y.zip", "/x.zip", "/y.zip"]);
  });

  it.each([0, 1, 3])("is given up after %d more tries", async (maxRetries) => {
    const { url, server } = await serveZip(file(BODY, { resetAfter: [1, 1, 1, 1, 1, 1] }));
    expect((await (await downloadBench({ maxRetries })).failure(url)).message).toMatch(/: unexpected EOF$/);
    expect(server.requests).toHaveLength(maxRetries + 1);
  });

  it("is tried again when it was reset before an answer", async () => {
    const reset: Reply = (_, { socket }) => void socket?.resetAndDestroy();
    const { requests } = await resumed(inTurn(reset, file(BODY)));
    expect(requests).toEqual([fromStart, fromStart]);
    const { url } = await serveZip(reset);
    expect((await (await downloadBench({ maxRetries: 0 })).failure(url)).message).toMatch(
      /read tcp 127\.0\.0\.1:\d+: connection reset by peer$/,
    );
  });
});
