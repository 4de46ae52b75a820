import { describe, expect, it } from "vitest";
import { checkPluginUri, checkUri, withoutCredentials } from "../../src/domain/plugin-uri.ts";

/** A refusal that shows the address so, and has a reason behind it. */
const invalid = (shown: string, reason = /[a-z][a-z ].+/.source) =>
  expect.objectContaining({
    code: "URI_INVALID",
    message: expect.stringMatching(new RegExp(`^invalid uri ${literal(shown)}: ${reason}$`)),
  });

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

it.each([
  ["http://127.0.0.1:8080/random.zip", "http://127.0.0.1:8080/random.zip"],
  ["https://packages.emqx.io/a/b/random.zip", "https://packages.emqx.io/a/b/random.zip"],
  ["HTTP://Example.COM/random.zip", "http://example.com/random.zip"],
  ["http://[::1]:8080/random.zip", "http://[::1]:8080/random.zip"],
  ["http://h/random%20v1.zip", "http://h/random%20v1.zip"],
  ["http://h/random v1.zip", "http://h/random%20v1.zip"],
  ["http://h/random%2ezip", "http://h/random%2ezip"],
  ["http://h/größe.zip", "http://h/gr%C3%B6%C3%9Fe.zip"],
  ["http://h/Random@v1.zip", "http://h/Random@v1.zip"],
  ["http://h/.zip", "http://h/.zip"],
  ["file:///tmp/random.zip", "file:///tmp/random.zip"],
  ["file:/tmp/random.zip", "file:///tmp/random.zip"],
  ["file://localhost/tmp/random.zip", "file:///tmp/random.zip"],
  ["file:///tmp/my%20plugins/random.zip", "file:///tmp/my%20plugins/random.zip"],
  ["FILE:///tmp/Random@v1.zip", "file:///tmp/Random@v1.zip"],
])("accepts %s and shows it as it was given", (given, href) => {
  const { url, redacted } = checkPluginUri(given);
  expect(url.href).toBe(href);
  expect(redacted).toBe(given);
});

it("accepts a query and credentials, for the download alone", () => {
  const given = "https://user:pass@h/x.zip?X-Signature=abc&token=def#end";
  const { url, redacted } = checkPluginUri(given);
  expect(url.href).toBe(given);
  expect(redacted).toBe("https://***@h/x.zip?X-Signature=***&token=***#***");
});

it.each([
  undefined,
  null,
  "",
  "random.zip",
  "/tmp/random.zip",
  "/tmp/Random@v1.zip",
  "//h/random.zip",
  "h/random.zip",
  "ftp://h/random.zip",
  "ftp://h/Random@v1.zip",
  "zip:http://h/random.zip",
  "data:application/zip;base64,AAAA.zip",
  "file://host/random.zip",
  "file://localhost.evil/random.zip",
  "file:x.zip",
  "file:////",
  "file:///tmp/random",
  "file:///tmp/a%2Fb.zip",
  "file:///tmp/a%00b.zip",
  "http:/x.zip",
  "http:/h/x.zip",
  "http:h/x.zip",
  "http:///x.zip",
  "http:///h/x.zip",
  "http://",
  "http://:80/x.zip",
  "http://h",
  "http://h/",
  "http://h/random",
  "http://h/random.tar.gz",
  "http://h/random.ZIP",
  "http://h/random.zip/",
  "http://h/random.zip%00",
  "http://h/a%00b.zip",
  "http://h/%zz.zip",
  "http://h/%ff.zip",
  "http://[::1/x.zip",
  "http://[::zz]/x.zip",
  "http://h:99999/x.zip",
  "http://h h/x.zip",
  "http:\\\\h\\x.zip",
  "http://h\\x.zip",
  "http://h/a\\b.zip",
])("refuses %j and shows it", (given) => {
  expect(() => checkPluginUri(given)).toThrow(invalid(given ?? ""));
});

it.each([
  ["http://?x.zip", "http://?***"],
  ["http://#x.zip", "http://#***"],
  ["http://h/random?x.zip", "http://h/random?***"],
  ["http://h/random#.zip", "http://h/random#***"],
  ["http://h/a\nb.zip", "http://h/a\\u000ab.zip"],
  ["ht\ttp://h/x.zip", "ht\\u0009tp://h/x.zip"],
  ["http://h/x\u0085.zip", "http://h/x\\u0085.zip"],
  ["\0http://h/x.zip", "\\u0000http://h/x.zip"],
])("refuses control characters and shows them escaped: %j", (given, shown) => {
  expect(() => checkPluginUri(given)).toThrow(invalid(shown));
});

const SCHEMES = "it should begin with http://, https:// or file:///";
const ZIP_URL = "it should be the URL of a zip, ending in .zip";

it.each([
  ["", "it is empty; it should be a URL that begins with http://, https:// or file:///"],
  [" ", "it is empty; it should be a URL that begins with http://, https:// or file:///"],
  ["random.zip", `it has no scheme; ${SCHEMES}`],
  ["localhost:8080/random.zip", `it has no scheme; ${SCHEMES}`],
  ["//h/random.zip", `it has no scheme; ${SCHEMES}`],
  ["/tmp/random.zip", "it is a path; for a file of the server, put file:// before it"],
  ["C:/tmp/random.zip", "it is a path of Windows; the server needs a URL"],
  ["C:\\random.zip", "it is a path of Windows; the server needs a URL"],
  ["http:\\\\h\\x.zip", "it has a backslash"],
  ["http://h/a\nb.zip", "it has a control character"],
  ["ftp://h/random.zip", `its scheme is not supported; ${SCHEMES}`],
  ["file://host/random.zip", "a file URL names no other computer; it should begin with file:/// and an absolute path"],
  ["file:x.zip", "the path of a file URL should be absolute, as in file:///"],
  ["http:/h/x.zip", "it has no host; two slashes and a host should follow the scheme"],
  ["http://h:99999/x.zip", "its host or port is invalid"],
  ["http://h/%zz.zip", "its path has a broken percent-encoding, or an encoded character that no path can have"],
  ["http://h/random.ZIP", "its path ends in .ZIP; write .zip in lower case, and name the file so"],
  ["http://h/random.tar.gz", `its path ends in .tar.gz; ${ZIP_URL}`],
  ["http://h/random.so", `its path ends in .so; ${ZIP_URL}`],
  ["http://h/random", `its path does not end in .zip; ${ZIP_URL}`],
  ["http://h", `its path ends in a slash; ${ZIP_URL}`],
  ["http://h/random.zip/", "its path has a slash after .zip"],
  ["http://h/random.zip%20", "its path has a blank after .zip"],
])("says why it refuses %j", (given, reason) => {
  const shown = given.trim().replace("\n", "\\u000a");
  expect(() => checkPluginUri(given)).toThrow(invalid(shown, literal(reason)));
});

it("says where .zip should be without the values of the query", () => {
  const before = "its path should end in .zip, before the ?";
  expect(() => checkPluginUri("http://h/get?file=SECRET.zip")).toThrow(
    invalid("http://h/get?file=***", literal(before)),
  );
});

it.each([" http://h/x.zip", "http://h/x.zip ", "\u00a0http://h/x.zip\r\n"])("drops whitespace around %j", (given) => {
  const { url, redacted } = checkPluginUri(given);
  expect([url.href, redacted]).toEqual(["http://h/x.zip", "http://h/x.zip"]);
});

describe("checkUri", () => {
  it.each(["http://h/x.txt", "https://h:1/", "file:///a/b", "http://h"])("takes %s", (text) => {
    expect(checkUri(text)).toEqual({ url: new URL(text), redacted: text });
  });

  it.each(["", undefined, null, "/a/b", "ftp://h/x", "file://h/x", "http://h/%zz", "file:///a%00", "http://h/\na"])(
    "refuses %j",
    (text) => expect(() => checkUri(text)).toThrow(/^invalid uri /),
  );
});

describe("what is shown never has credentials or the values of a query", () => {
  it.each([
    ["http://user:SECRET@h/x", "http://***@h/x"],
    ["http://SECRET@h/x", "http://***@h/x"],
    ["http://user:SEC@RET@h/x@v1", "http://***@h/x@v1"],
    ["ftp://user:SECRET@h/x.zip", "ftp://***@h/x.zip"],
    ["http://user:SEC/RET@h/x.zip", "http://***@h/x.zip"],
    ["http://user:SEC?RET@h/x.zip", "http://***@h/x.zip"],
    ["http://user:SEC#RET@h/x.zip", "http://***@h/x.zip"],
    ["http://user:SEC\\RET@h/x.zip", "http://***@h/x.zip"],
    ["http://user:SECRET@", "http://***@"],
    ["http://user:SECRET@h:port/x.zip", "http://***@h:port/x.zip"],
    ["http:/user:SECRET@h/x.zip", "http:/***@h/x.zip"],
    ["http:user:SECRET@h/x.zip", "http:***@h/x.zip"],
    ["http:///user:SECRET@h/x.zip", "http:///***@h/x.zip"],
    ["http:\\\\user:SECRET@h/x.zip", "http:\\\\***@h/x.zip"],
    ["file://user:SECRET@h/x.zip", "file://***@h/x.zip"],
    ["//user:SECRET@h/x.zip", "//***@h/x.zip"],
    ["user:SECRET@h/x.zip", "user:***@h/x.zip"],
    [" http://user:SECRET@h/x.zip", "***@h/x.zip"],
    ["ht\ntp://user:SECRET@h/x.zip", "***@h/x.zip"],
    ["http://user:SEC\nRET@h/x.zip", "http://***@h/x.zip"],
    ["http://h/x?token=SECRET&sig=SECRET=SECRET&plain#end", "http://h/x?token=***&sig=***&***#***"],
    ["http://h/x?a=SECRET?b=SECRET", "http://h/x?a=***"],
    ["/x.zip?token=SECRET", "/x.zip?token=***"],
    ["http://[::1/x.zip?token=SECRET", "http://[::1/x.zip?token=***"],
  ])("%j as %j", (text, shown) => expect(withoutCredentials(text)).toBe(shown));
});
