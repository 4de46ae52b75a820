import { expect, test } from "vitest";
import { checkPluginUri } from "../../src/domain/plugin-uri.ts";
import { parseUrl } from "../../src/lib/url.ts";

test("a URL is parsed, also relative to another one, and anything else is undefined", () => {
  expect(parseUrl("http://h/a")?.href).toBe("http://h/a");
  expect(parseUrl("../b", "http://h/x/y/")?.href).toBe("http://h/x/b");
  expect([parseUrl("b"), parseUrl("http://[")]).toEqual([undefined, undefined]);
});

test("a URL with a letter that is not ASCII is taken however often it was asked for", () => {
  // URL.canParse of Node 20 and 22 refuses it from about the two thousandth call on.
  for (let call = 0; call < 10_000; call += 1) {
    if (parseUrl("http://z\u00fcrich/a.zip") === undefined) expect.fail(`refused in call ${call}`);
  }
  expect(checkPluginUri("http://z\u00fcrich/a.zip").url.hostname).toBe("xn--zrich-kva");
});
