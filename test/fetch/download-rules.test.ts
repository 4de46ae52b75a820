import { describe, expect, it } from "vitest";
import { createHostRule, isBelow } from "../../src/fetch/hosts.ts";
import { createProxyRule, proxySettings } from "../../src/fetch/proxy.ts";

describe("createHostRule", () => {
  it.each([
    ["example.com", "http://example.com/x", true],
    ["Example.COM", "https://EXAMPLE.com/x", true],
    ["example.com", "http://example.com./x", true],
    ["example.com", "http://www.example.com/x", false],
    ["example.com", "http://example.com.evil.test/x", false],
    ["example.com", "http://evilexample.com/x", false],
    ["*.example.com", "http://a.example.com/x", true],
    ["*.example.com", "http://a.b.example.com/x", true],
    ["*.example.com", "http://example.com/x", false],
    ["*.example.com", "http://evilexample.com/x", false],
    ["*.example.com:8443", "https://a.example.com:8443/x", true],
    ["*.example.com:8443", "https://a.example.com/x", false],
    ["example.com:443", "https://example.com/x", true],
    ["example.com:443", "http://example.com/x", false],
    ["example.com:80", "http://example.com/x", true],
    ["bücher.example", "http://xn--bcher-kva.example/x", true],
    ["::1", "http://[::1]:99/x", true],
    ["[::1]", "http://[0:0:0:0:0:0:0:1]/x", true],
    ["[::1]:99", "http://[::1]:99/x", true],
    ["[::1]:99", "http://[::1]:98/x", false],
    ["127.0.0.1", "http://2130706433/x", true],
    ["", "http://example.com/x", false],
    ["*", "http://example.com/x", false],
    ["http://example.com", "http://example.com/x", false],
  ])("%s and %s: %s", (entry, url, allowed) => {
    expect(createHostRule([entry])(new URL(url))).toBe(allowed);
  });

  it("lets everything in when it is empty", () => {
    expect(createHostRule([])(new URL("http://any.example/"))).toBe(true);
  });
});

describe("isBelow", () => {
  it.each([
    ["/a/plugins", "/a/plugins/x.zip", true],
    ["/a/plugins/", "/a/plugins/x.zip", true],
    ["/", "/x.zip", true],
    ["/a/plugins", "/a/plugins-evil/x.zip", false],
    ["/a/plugins", "/a/plugins/../x.zip", false],
    ["/a/plugins", "/a/plugins", false],
  ])("%s, %s: %s", (folder, path, expected) => {
    expect(isBelow(folder, path)).toBe(expected);
  });
});

describe("createProxyRule", () => {
  const settings = { httpProxy: "http://plain:1", httpsProxy: "secure:2" };

  it.each([
    ["http://example.com/", "", "http://plain:1/"],
    ["https://example.com/", "", "http://secure:2/"],
    ["http://localhost/", "", undefined],
    ["http://127.9.9.9/", "", undefined],
    ["http://[::1]/", "", undefined],
    ["http://example.com/", "*", undefined],
    ["http://example.com/", "example.com", undefined],
    ["http://www.example.com/", "example.com", undefined],
    ["http://www.example.com/", ".example.com", undefined],
    ["http://www.example.com/", "*.example.com", undefined],
    ["http://badexample.com/", "example.com", "http://plain:1/"],
    ["http://example.com/", "other.test, example.com", undefined],
    ["http://example.com:81/", "example.com:80", "http://plain:1/"],
    ["http://example.com/", "example.com:80", undefined],
    ["http://10.1.2.3/", "10.0.0.0/8", undefined],
    ["http://11.1.2.3/", "10.0.0.0/8", "http://plain:1/"],
    ["http://[fd00::1]/", "fd00::/8", undefined],
    ["http://[fd00::1]/", "[fd00::1]", undefined],
    ["http://10.1.2.3/", "10.0.0.0/99", "http://plain:1/"],
  ])("%s without %j: %s", (url, noProxy, proxy) => {
    expect(createProxyRule({ ...settings, noProxy })(new URL(url))?.href).toBe(proxy);
  });

  it("has no proxy for a scheme that none is set for", () => {
    expect(createProxyRule({ httpProxy: "http://plain:1" })(new URL("https://example.com/"))).toBeUndefined();
    expect(createProxyRule({})(new URL("http://example.com/"))).toBeUndefined();
  });

  it("names a proxy of another kind, without its password", () => {
    const rule = createProxyRule({ httpProxy: "socks5://user:secret@host:1" });
    expect(() => rule(new URL("http://example.com/"))).toThrow(
      "HTTP_PROXY names socks5://host:1, which is not supported; set it to an http or https proxy",
    );
  });

  it.each(["http://user:secret@ho st", "://secret"])("refuses %s", (httpProxy) => {
    const rule = createProxyRule({ httpProxy });
    expect(() => rule(new URL("http://example.com/"))).toThrow(
      "HTTP_PROXY is not the address of an http or https proxy",
    );
  });
});

describe("proxySettings", () => {
  it.each([
    [{}, {}],
    [{ http_proxy: "", HTTPS_PROXY: "" }, {}],
    [
      { http_proxy: "", HTTP_PROXY: "a:1", no_proxy: '""', NO_PROXY: "b" },
      { httpProxy: "a:1", noProxy: "b" },
    ],
    [
      { HTTP_PROXY: "a:1", NO_PROXY: "b" },
      { httpProxy: "a:1", noProxy: "b" },
    ],
    [
      { http_proxy: "a:1", HTTP_PROXY: "c:2", https_proxy: "d:3" },
      { httpProxy: "a:1", httpsProxy: "d:3" },
    ],
  ])("%j", (env, settings) => {
    expect(proxySettings(env)).toEqual(settings);
  });
});
