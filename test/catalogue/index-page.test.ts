import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pickPlugins, readLinks } from "../../src/catalogue/index-page.ts";

const FOLDER = "http://host:8080/kuiper-plugins/1.0.2/debian/sources/";

function hrefs(html: string, page = FOLDER): string[] {
  return readLinks(html, new URL(page)).map(({ href }) => href);
}

function plugins(html: string, arch = "amd64"): Record<string, string> {
  return Object.fromEntries(pickPlugins(readLinks(html, new URL(FOLDER)), arch));
}

const atFolder = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `${FOLDER}${name}_amd64.zip`]));

describe("pages of real servers", () => {
  const LONG_NAME = "aVeryLongPluginNameThatNeverFitsIntoTheColumn";

  test.each(["nginx", "apache-fancy", "python"])("%s", (server) => {
    const html = readFileSync(new URL(`pages/${server}.html.txt`, import.meta.url), "utf8");
    expect(plugins(html)).toEqual(atFolder(LONG_NAME, "random", "zmq"));
    expect(plugins(html, "arm64")).toEqual({ random: `${FOLDER}random_arm64.zip` });
    expect(plugins(html, "arm")).toEqual({});
  });

  test("a list written by hand, with nothing closed", () => {
    const html = "<ul><li><A HREF=zmq_amd64.zip>zmq<li><a title=x href = 'random_amd64.zip' >random<li><a>none";
    expect(plugins(html)).toEqual(atFolder("zmq", "random"));
  });
});

describe("links are resolved as a browser does it", () => {
  test.each([
    ["x.zip", `${FOLDER}x.zip`],
    ["./x.zip", `${FOLDER}x.zip`],
    ["../sinks/x.zip", "http://host:8080/kuiper-plugins/1.0.2/debian/sinks/x.zip"],
    ["../../../../../../x.zip", "http://host:8080/x.zip"],
    ["/rooted/x.zip", "http://host:8080/rooted/x.zip"],
    ["//other/x.zip", "http://other/x.zip"],
    ["https://other/a/x.zip?token=1&amp;b=2", "https://other/a/x.zip?token=1&b=2"],
    ["?C=N;O=D", `${FOLDER}?C=N;O=D`],
    ["", FOLDER],
    ["x.zip#part", `${FOLDER}x.zip`],
    ["  \n x.\tz\nip  ", `${FOLDER}x.zip`],
    ["a&amp;b&#46;zip", `${FOLDER}a&b.zip`],
    ["a&#x2e;zip&nosuch;", `${FOLDER}a.zip&nosuch;`],
    ["a b%20c.zip", `${FOLDER}a%20b%20c.zip`],
    ["\\rooted\\x.zip", "http://host:8080/rooted/x.zip"],
    ["https://user:secret@other/x.zip", "https://other/x.zip"],
  ])("%j", (href, expected) => {
    expect(hrefs(`<a href="${href}">x</a>`)).toEqual([expected]);
  });

  test.each([
    "file:///etc/x.zip",
    "javascript:alert(1)",
    "data:text/html,x_amd64.zip",
    "ftp://h/x.zip",
    "http://[bad/",
  ])("%j is dropped", (href) => {
    expect(hrefs(`<a href="${href}">x</a>`)).toEqual([]);
  });

  test("a page that is not a folder's: relative links start at its parent", () => {
    expect(hrefs("<a href=x.zip>", "http://host/a/index.html")).toEqual(["http://host/a/x.zip"]);
  });

  test("the first base counts, for links before it too", () => {
    const html = "<a href=x.zip></a><base target=_top><base href='/mirror/'><base href='/other/'><a href=y.zip></a>";
    expect(hrefs(html)).toEqual(["http://host:8080/mirror/x.zip", "http://host:8080/mirror/y.zip"]);
  });

  test.each(["javascript:x", "data:text/html,x", "http://[bad/"])("base %j is ignored", (base) => {
    expect(hrefs(`<base href="${base}"/><a href=x.zip>`)).toEqual([`${FOLDER}x.zip`]);
  });
});

describe("only links of elements a are read", () => {
  test.each([
    ["comments", "<!-- <a href=x.zip> -->"],
    ["scripts", "<script>document.write('<a href=x.zip>')</script>"],
    ["styles and titles", "<style><a href=x.zip></style><title><a href=x.zip></title>"],
    ["other elements", "<link href=x.zip><area href=x.zip><abbr href=x.zip>"],
    ["other attributes", "<a hreflang=x.zip data-href=x.zip xhref=x.zip>"],
    ["closing tags", "</a href=x.zip>"],
    ["a tag that is cut off", "<a href=x.zip"],
    ["text", "&lt;a href=x.zip&gt; a href=x.zip"],
    ["what is no HTML", '{"href":"x.zip"}'],
    ["nothing", ""],
  ])("not %s", (_title, html) => {
    expect(hrefs(html)).toEqual([]);
  });

  test("of a repeated attribute the first one counts", () => {
    expect(hrefs("<a href=x.zip href=y.zip>")).toEqual([`${FOLDER}x.zip`]);
  });
});

describe("names", () => {
  test.each([
    ["", "_amd64.zip"],
    ["up", "../up"],
    ["capital", "Capital_amd64.zip"],
    ["reserved", "prebuild_amd64.zip"],
    ["space", "two%20words_amd64.zip"],
    ["encoded slash", "a%2fb_amd64.zip"],
    ["dots", "..%2f..%2fetc_amd64.zip"],
    ["too long", `${"a".repeat(101)}_amd64.zip`],
    ["prototype", "__proto___amd64.zip"],
    ["broken encoding", "a%zz_amd64.zip"],
    ["broken UTF-8", "a%ff_amd64.zip"],
    ["another arch", "zmq_arm64.zip"],
    ["a checksum", "zmq_amd64.zip.sha256"],
    ["a query only", "?zmq_amd64.zip"],
    ["a fragment only", "#zmq_amd64.zip"],
    ["a folder", "zmq_amd64.zip/"],
  ])("%s is no plugin", (_title, href) => {
    expect(plugins(`<a href="${href}">x</a><a href="good_amd64.zip">x</a>`)).toEqual(atFolder("good"));
  });

  test("names that every object has are names too", () => {
    const html = "<a href=constructor_amd64.zip><a href=toString_amd64.zip><a href=hasOwnProperty_amd64.zip>";
    expect(Object.keys(plugins(html))).toEqual(["constructor", "toString", "hasOwnProperty"]);
  });

  test("an underscore belongs to the name", () => {
    expect(plugins("<a href=image_resize_amd64.zip>")).toEqual(atFolder("image_resize"));
  });

  test("an encoded name is read, its address stays as it was", () => {
    expect(plugins("<a href=%7amq_amd64%2Ezip>")).toEqual({ zmq: `${FOLDER}%7amq_amd64%2Ezip` });
  });

  test("the first link wins for a name", () => {
    expect(plugins("<a href=zmq_amd64.zip><a href=/other/zmq_amd64.zip>")).toEqual(atFolder("zmq"));
  });
});

describe("a hostile page costs no more than a large one", () => {
  const SIZE = 4 * 1024 * 1024;
  const fill = (unit: string) => unit.repeat(Math.floor(SIZE / unit.length));

  test.each([
    ["unclosed elements", fill("<b>")],
    ["unclosed links", fill("<a href=x>")],
    ["one attribute", `<a ${fill("x")}`],
    ["one address", `<a href='${fill("../")}'>`],
    ["entities", `<a href='${fill("&amp")}'>`],
    ["ampersands", `<a href='${fill("&")}'>`],
    ["a long base of short links", `<base href='${fill("x/").slice(SIZE / 2)}'>${fill("<a href=x>").slice(SIZE / 2)}`],
  ])("%s", { timeout: 10_000 }, (_title, html) => {
    expect(readLinks(html, new URL(FOLDER)).length).toBeLessThanOrEqual(5000);
  });
});
