import { describe, expect, test } from "vitest";
import { askPluginHost, parsePluginHosts, type ReadPage } from "../../src/catalogue/plugin-host.ts";
import { FetchFailure } from "../../src/fetch/failure.ts";
import { links, OS_FIRST, TYPE_FIRST } from "./file-host.ts";

const QUERY = { version: "1.0.2", type: "sources", platform: { os: "debian", arch: "amd64" } } as const;

interface FakePage {
  readonly html: string;
  /** Where redirects have led to. */
  readonly at?: string;
}

/** A host in memory: address → page, or the reason of a failure that is no answer; all others are a 404. */
function pages(known: Readonly<Record<string, FakePage | string>>) {
  const asked: string[] = [];
  const readPage: ReadPage = async (url) => {
    asked.push(url.href);
    const page = known[url.href];
    if (page === undefined) throw new FetchFailure("404 Not Found", { answered: true });
    if (typeof page === "string") throw new FetchFailure(page, { answered: false });
    return { text: page.html, url: new URL(page.at ?? url), contentType: "text/html" };
  };
  return { asked, readPage };
}

async function ask(known: Readonly<Record<string, FakePage | string>>, host = "http://h") {
  const [pluginHost] = parsePluginHosts(host);
  if (pluginHost === undefined) throw new Error("a host is given");
  const { asked, readPage } = pages(known);
  const answer = await askPluginHost(pluginHost, QUERY, readPage);
  return { asked, answer: "plugins" in answer ? Object.fromEntries(answer.plugins) : answer };
}

describe("the setting", () => {
  const shown = (setting: string) => parsePluginHosts(setting).map((host) => host.redacted);

  test.each([
    ["", []],
    [" , ,", []],
    ["packages.emqx.io", ["https://packages.emqx.io"]],
    ["localhost:8080", ["https://localhost:8080"]],
    [" http://a , https://b:8443/ ,", ["http://a", "https://b:8443"]],
    ["HTTP://A/mirror//", ["http://a/mirror"]],
    ["http://a,http://b,http://a/,a,https://a:443", ["http://a", "http://b", "https://a"]],
    ["http://[::1]:8080", ["http://[::1]:8080"]],
    ["http://zürich", ["http://xn--zrich-kva"]],
    ["http://a?x=secret#y", ["http://a"]],
    ["http://user:secret@a/x", ["http://a/x"]],
    ['"http://a,http://b"', ["http://a", "http://b"]],
    [`'http://a', "http://b" `, ["http://a", "http://b"]],
  ])("%j", (setting, expected) => {
    expect(shown(setting)).toEqual(expected);
  });

  test.each([
    "ftp://h",
    "file:///srv",
    "http://",
    "https://user:secret@[bad",
    "two words",
    "http://h:99999",
    'http://a"b',
    "http://a'",
  ])("%j is named by its place alone and fails", async (entry) => {
    const [good, bad] = parsePluginHosts(`http://a,${entry}`);
    expect(good?.redacted).toBe("http://a");
    expect(bad).toEqual({ redacted: "entry 2 of pluginHosts" });
    const { asked, answer } = await ask({}, entry);
    expect(answer).toEqual({ failure: "not an http or https address" });
    expect(asked).toEqual([]);
  });

  test("credentials go with the request alone", async () => {
    const folder = `http://us%65r:p%40ss@h${OS_FIRST}/`;
    const { answer } = await ask(
      { [folder]: { html: links("zmq_amd64.zip"), at: `http://h${OS_FIRST}/` } },
      "http://us%65r:p%40ss@h",
    );
    expect(answer).toEqual({ zmq: `http://h${OS_FIRST}/zmq_amd64.zip` });
  });
});

describe("the two orders of the path", () => {
  test("either of them will do", async () => {
    for (const folder of [OS_FIRST, TYPE_FIRST]) {
      const { answer } = await ask({ [`http://h/m${folder}/`]: { html: links("zmq_amd64.zip") } }, "http://h/m/");
      expect(answer).toEqual({ zmq: `http://h/m${folder}/zmq_amd64.zip` });
    }
  });

  test("what the first one offers wins, the second one adds to it", async () => {
    const { answer } = await ask({
      [`http://h${TYPE_FIRST}/`]: { html: links("zmq_amd64.zip", "random_amd64.zip") },
      [`http://h${OS_FIRST}/`]: { html: links("zmq_amd64.zip") },
    });
    expect(answer).toEqual({
      zmq: `http://h${OS_FIRST}/zmq_amd64.zip`,
      random: `http://h${TYPE_FIRST}/random_amd64.zip`,
    });
  });

  test("a page without plugins is an answer", async () => {
    expect((await ask({ [`http://h${OS_FIRST}/`]: { html: "" } })).answer).toEqual({});
  });

  test("a page without plugins is named, with what it was", async () => {
    const [host] = parsePluginHosts("http://me:secret@h");
    const { readPage } = pages({ [`http://me:secret@h${OS_FIRST}/`]: { html: "<ListBucketResult/>" } });
    expect(await askPluginHost(host ?? { redacted: "" }, QUERY, readPage)).toEqual({
      plugins: new Map(),
      empty: [{ page: `http://h${OS_FIRST}/`, contentType: "text/html" }],
    });
  });

  test("a path that begins with two slashes stays on its host, and so does its password", async () => {
    const { asked, answer } = await ask(
      { [`http://me:pw@h//evil.example/x${OS_FIRST}/`]: { html: links("zmq_amd64.zip") } },
      "http://me:pw@h//evil.example/x",
    );
    expect(asked.map((address) => new URL(address).host)).toEqual(["h", "h", "h"]);
    expect(answer).toEqual({ zmq: `http://h//evil.example/x${OS_FIRST}/zmq_amd64.zip` });
  });

  test("neither of them: the reasons, once each", async () => {
    expect((await ask({})).answer).toEqual({
      failure: `404 Not Found for ${OS_FIRST}/ and ${TYPE_FIRST}/`,
    });
    expect((await ask({ [`http://h${TYPE_FIRST}/`]: "connection refused" })).answer).toEqual({
      failure: `404 Not Found for ${OS_FIRST}/, connection refused`,
    });
  });

  test("a setting can't leave its place in the path", async () => {
    const { readPage, asked } = pages({});
    const query = { ...QUERY, version: "1/../x", platform: { os: "a b?", arch: "amd64" } };
    await askPluginHost({ redacted: "h", url: "http://h" }, query, readPage);
    expect(asked[0]).toBe("http://h/kuiper-plugins/1%2F..%2Fx/a%20b%3F/sources/");
  });
});

describe("where relative links start", () => {
  const folder = `http://h${OS_FIRST}`;
  const html = links("zmq_amd64.zip");
  const atFolder = { zmq: `${folder}/zmq_amd64.zip` };

  test("a folder", async () => {
    const { asked, answer } = await ask({ [`${folder}/`]: { html } });
    expect(answer).toEqual(atFolder);
    expect(asked).not.toContain(folder);
  });

  test("a page that only answers without the slash, as the original asks", async () => {
    expect((await ask({ [folder]: { html } })).answer).toEqual(atFolder);
  });

  test("a server that takes the slash away", async () => {
    expect((await ask({ [`${folder}/`]: { html, at: folder } })).answer).toEqual(atFolder);
  });

  test("another host, with or without the slash", async () => {
    for (const slash of ["", "/"]) {
      const { answer } = await ask({ [`${folder}/`]: { html, at: `https://cdn${OS_FIRST}${slash}` } });
      expect(answer).toEqual({ zmq: `https://cdn${OS_FIRST}/zmq_amd64.zip` });
    }
  });

  test("an index page", async () => {
    expect((await ask({ [`${folder}/`]: { html, at: `${folder}/index.html` } })).answer).toEqual(atFolder);
  });

  test("a host that does not answer is not asked for the same again", async () => {
    const { asked } = await ask({ [`${folder}/`]: "connection refused", [`http://h${TYPE_FIRST}/`]: "x" });
    expect(asked).toHaveLength(2);
  });
});

test("a mistake of ours is not taken for a failure of the host", async () => {
  const broken: ReadPage = () => Promise.reject(new TypeError("oops"));
  await expect(askPluginHost({ redacted: "h", url: "http://h" }, QUERY, broken)).rejects.toThrow(TypeError);
});
