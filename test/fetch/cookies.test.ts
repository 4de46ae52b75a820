import { describe, expect, test } from "vitest";
import { CookieJar } from "../../src/fetch/cookies.ts";
import { downloadBench, serveFiles, someBytes } from "../support/downloading.ts";
import { file } from "../support/file-server-replies.ts";

const BODY = someBytes(1000);

test("a cookie that a redirect sets is sent back on the way of that download, and not on the next one", async () => {
  const server = await serveFiles({
    "/x.zip": (request, response, count) => {
      if (request.headers.cookie === "session=1; theme=a=b") return file(BODY)(request, response, count);
      response.writeHead(302, { location: "/login" }).end();
    },
    "/login": (_, response) => {
      const cookies = ["session=1; Path=/; HttpOnly", "theme=a=b; path=/x.zip", "other=1; Path=/elsewhere"];
      response.writeHead(302, { location: "/x.zip", "set-cookie": cookies }).end();
    },
  });
  const bench = await downloadBench();
  expect(await bench.fetch(server.url("/x.zip"))).toMatchObject({ bytes: BODY.length });
  expect(server.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined, "session=1; theme=a=b"]);
  const again = await downloadBench();
  await again.fetch(server.url("/x.zip"));
  expect(server.requests[3]?.headers.cookie).toBeUndefined();
});

test("a cookie with a control character, which no header may have, does not end the download", async () => {
  const head = "HTTP/1.1 302 Found\r\nlocation: /y.zip\r\nset-cookie: bad=\x01\r\nset-cookie: good=\xe4\t1\r\n\r\n";
  const server = await serveFiles({
    "/x.zip": (_, response) => void response.socket?.end(head, "latin1"),
    "/y.zip": file(BODY),
  });
  expect(await (await downloadBench()).fetch(server.url("/x.zip"))).toMatchObject({ bytes: BODY.length });
  expect(server.requests.at(-1)?.headers.cookie).toBe("good=\xe4\t1");
});

describe("a cookie", () => {
  const sent = (setBy: string, line: string | string[], to: string) => {
    const jar = new CookieJar();
    jar.add(new URL(setBy), [line].flat());
    return jar.headerFor(new URL(to));
  };

  test.each<[set: string, line: string, to: string, sent: boolean]>([
    ["http://a.example/x/y", "n=v", "http://a.example/x/z", true],
    ["http://a.example/x/y", "n=v", "http://a.example/x", true],
    ["http://a.example/x/y", "n=v", "http://a.example/xx", false],
    ["http://a.example/x", "n=v", "http://a.example/y", true],
    ["http://a.example/x", "n=v", "http://b.a.example/x", false],
    ["http://a.example/x", "n=v; Domain=a.example", "http://b.a.example/x", true],
    ["http://b.a.example/x", "n=v; domain=.A.Example", "http://c.a.example/x", true],
    ["http://a.example/x", "n=v; Domain=other.example", "http://other.example/x", false],
    ["http://a.example/x", "n=v; Domain=b.a.example", "http://b.a.example/x", false],
    ["http://a.example/x", "n=v; Path=/d", "http://a.example/d/e", true],
    ["http://a.example/x", "n=v; Path=/d", "http://a.example/de", false],
    ["http://a.example/x", "n=v; Path=d", "http://a.example/e", true],
    ["https://a.example/x", "n=v; Secure", "https://a.example/x", true],
    ["https://a.example/x", "n=v; Secure", "http://a.example/x", false],
    ["http://a.example/x", "n=v; Max-Age=0", "http://a.example/x", false],
    ["http://a.example/x", "n=v; Max-Age=60", "http://a.example/x", true],
    ["http://a.example/x", "=v", "http://a.example/x", false],
    ["http://a.example/x", "nothing", "http://a.example/x", false],
    ["http://a.example/x", `n=${"v".repeat(4096)}`, "http://a.example/x", false],
  ])("set by %s as %s for %s: %s", (setBy, line, to, isSent) => {
    expect(sent(setBy, line, to)).toBe(isSent ? line.split(";")[0] : undefined);
  });

  test("is replaced, and removed, by one of its name", () => {
    expect(sent("http://a/", ["n=1", "n=2"], "http://a/")).toBe("n=2");
    expect(sent("http://a/", ["n=1", "n=1; max-age=-1"], "http://a/")).toBeUndefined();
  });

  test("is ignored beyond fifty", () => {
    const lines = Array.from({ length: 60 }, (_, index) => `n${index}=1`);
    expect(sent("http://a/", lines, "http://a/")?.split("; ")).toHaveLength(50);
  });
});
