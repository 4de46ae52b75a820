import { describe, expect } from "vitest";
import { PLUGIN_TYPES } from "../../src/domain/plugin.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { post } from "../support/http-client.ts";

/** The table "Creating: the body" of the behaviour page: what a body says. How it is sent is body-transport.test.ts. */

const FILE = "http://127.0.0.1:1/x.zip";

const test = sharedServerTest();

test("a byte order mark before the JSON, as some Windows tools write it, is passed over", async ({ server }) => {
  const response = await fetch(`${server.url}/plugins/sources`, { method: "POST", body: '\ufeff{"name":"x"}' });
  expect(await response.text()).toBe(
    "sources plugins create command error: invalid uri : it is empty; it should be a URL that begins with http://, https:// or file:///\n",
  );
});

describe("a body that is no order is refused, and says why", () => {
  const PREFIX = "Invalid body: Error decoding the sources plugin json: ";
  const TOO_DEEP = "it has lists or objects more than 32 levels deep (http.maxBodyDepth)";
  const NOT_AN_OBJECT = "it should be an object with name and file";
  test.for<[what: string, body: string | Buffer | undefined, reason: string | RegExp]>([
    ["none", undefined, "the body is empty"],
    ["empty", "", "the body is empty"],
    ["only spaces", " \n ", /^it is not valid JSON: Unexpected end/],
    ["a word", "hello", "it is not valid JSON: Unexpected token 'h'"],
    ["a form", "name=x&file=y", "it is not valid JSON: Unexpected token 'a'"],
    ["cut off", '{"name":"x"', /^it is not valid JSON: Expected ',' or '\}' /],
    ["a comma too many", '{"name":"x",}', /^it is not valid JSON: Expected double-quoted property name/],
    ["single quotes", "{'name':'x'}", /^it is not valid JSON: Expected property name/],
    ["a line break in a text", '{"name":"x\ny"}', /^it is not valid JSON: Bad control character/],
    ["two objects", '{"name":"x"}{}', /^it is not valid JSON: Unexpected non-whitespace/],
    ["a control character", "\x1b{}", "it is not valid JSON: Unexpected token '\\u001b'"],
    ["nothing but NUL", Buffer.alloc(8), "it is not valid JSON: Unexpected token '\\u0000'"],
    [
      "UTF-32",
      Buffer.from([..."[{}]"].flatMap((letter) => [letter.charCodeAt(0), 0, 0, 0])),
      /^it is not valid JSON: /,
    ],
    ["an array", "[]", NOT_AN_OBJECT],
    ["an array of orders", '[{"name":"x","file":"y"}]', NOT_AN_OBJECT],
    ["a number", "1", NOT_AN_OBJECT],
    ["a text", '"random"', NOT_AN_OBJECT],
    ["true", "true", NOT_AN_OBJECT],
    ["nested deeper than any stack", "[".repeat(500_000), TOO_DEEP],
    ["nested deeply and closed", "[".repeat(400_000) + "]".repeat(400_000), TOO_DEEP],
    ["nested deeply in a field that is ignored", `{"x":${"[".repeat(32)}${"]".repeat(32)}}`, TOO_DEEP],
    ["nested as deep as it may be", "[".repeat(32) + "]".repeat(32), NOT_AN_OBJECT],
    ["name is a number", '{"name":1}', "field name should be a string"],
    ["name is a list", '{"name":["x"]}', "field name should be a string"],
    ["name is an object", '{"name":{}}', "field name should be a string"],
    ["name is true", '{"name":true}', "field name should be a string"],
    ["file is a number", '{"name":"x","file":0}', "field file should be a string"],
    [
      "shellParas is a text",
      '{"shellParas":"-x"}',
      "field shellParas should be a list of strings without NUL characters",
    ],
    ["a number in it", '{"shellParas":["a",1]}', "field shellParas should be a list of strings without NUL characters"],
    ["a null in it", '{"shellParas":[null]}', "field shellParas should be a list of strings without NUL characters"],
    [
      "NUL in it",
      '{"shellParas":["a\\u0000b"]}',
      "field shellParas should be a list of strings without NUL characters",
    ],
    ["functions is an object", '{"functions":{"a":1}}', "field functions should be a list of names"],
    ["functions has lists", '{"functions":[["a"]]}', "field functions should be a list of names"],
    ["keys in capitals", '{"NAME":1}', "field name should be a string"],
    ["the later of two", '{"name":"x","Name":1}', "field name should be a string"],
  ])("%s", async ([_, body, reason], { server }) => {
    const [status, text] = await post(`${server.url}/plugins/sources`, body);
    expect(status).toBe(400);
    expect(text).toMatch(/^[^\n]+\n$/);
    expect(text.slice(0, PREFIX.length)).toBe(PREFIX);
    const given = text.slice(PREFIX.length, -1);
    if (typeof reason === "string") expect(given).toBe(reason);
    else expect(given).toMatch(reason);
  });

  test.for(PLUGIN_TYPES)("a refusal names the type: %s", async (type, { server }) => {
    expect(await post(`${server.url}/plugins/${type}`, "{}x")).toEqual([
      400,
      expect.stringContaining(`Invalid body: Error decoding the ${type} plugin json: `),
    ]);
  });

  test("a refusal does not repeat what was sent", async ({ server }) => {
    const body = '{"name": "x", "file": "http://user:s3cret@host/x.zip?token=t0ken" oops}';
    const [status, text] = await post(`${server.url}/plugins/sources`, body);
    expect(status).toBe(400);
    expect(text).not.toMatch(/s3cret|t0ken|host/);
    expect(JSON.stringify(server.logged)).not.toMatch(/s3cret|t0ken/);
  });
});

describe("a wrong name is refused", () => {
  const RULE = "should begin with a lower-case letter and have only letters, digits and underscores (camel case)";
  test.for<[name: unknown, sentence: string]>([
    [undefined, "invalid name : should not be empty"],
    [null, "invalid name : should not be empty"],
    ["", "invalid name : should not be empty"],
    [" \t\r\n\u00a0", "invalid name : should not be empty"],
    ["Random", `invalid name Random: ${RULE}, such as random`],
    ["../evil", `invalid name ../evil: ${RULE}`],
    ["../..", `invalid name ../..: ${RULE}`],
    ["..", `invalid name ..: ${RULE}`],
    ["a.b", `invalid name a.b: ${RULE}`],
    ["a/b", `invalid name a/b: ${RULE}`],
    ["a\\b", `invalid name a\\b: ${RULE}`],
    ["a(b", `invalid name a(b: ${RULE}`],
    ["a b", `invalid name a b: ${RULE}`],
    ["a-b", `invalid name a-b: ${RULE}`],
    ["a@v1", `invalid name a@v1: ${RULE}`],
    ["1a", `invalid name 1a: ${RULE}`],
    ["_a", `invalid name _a: ${RULE}`],
    [".a", `invalid name .a: ${RULE}`],
    ["naïve", `invalid name naïve: ${RULE}`],
    ["a\u0000b", `invalid name a\\u0000b: ${RULE}`],
    ["a\nb", `invalid name a\\u000ab: ${RULE}`],
    ["a\u202eb", `invalid name a\\u202eb: ${RULE}`],
    ["\ud800", `invalid name \\ud800: ${RULE}`],
    ["__proto__", `invalid name __proto__: ${RULE}`],
    ["prebuild", "invalid name prebuild: is reserved, choose another one"],
    ["a".repeat(101), `invalid name ${"a".repeat(20)}…: should have at most 100 letters, this has 101`],
    ["a".repeat(5000), `invalid name ${"a".repeat(20)}…: should have at most 100 letters, this has 5000`],
    ["R".repeat(200_000), `invalid name ${"R".repeat(20)}…: should have at most 100 letters, this has 200000`],
  ])("%.30j", async ([name, sentence], { server }) => {
    const before = await snapshot(server.base);
    const refused = [400, `sinks plugins create command error: ${sentence}\n`];
    expect(await post(`${server.url}/plugins/sinks`, { name, file: FILE })).toEqual(refused);
    expect(await snapshot(server.base)).toEqual(before);
  });

  test.for(["a", "z9", "randomSource", "snake_case", "aB_9", "constructor", "toString", "a".repeat(100)])(
    "and a right one is accepted: %.30s",
    async (name, { host, server }) => {
      const file = host.serveZip({ type: "sinks", name });
      expect(await post(`${server.url}/plugins/sinks`, { name, file })).toEqual([
        201,
        `sinks plugin ${name} is created`,
      ]);
    },
  );
});

describe("a wrong file is refused", () => {
  test.for<[file: unknown, shown: string]>([
    [undefined, ""],
    [null, ""],
    ["", ""],
    ["random.zip", "random.zip"],
    ["/var/plugins/random.zip", "/var/plugins/random.zip"],
    ["//host/x.zip", "//host/x.zip"],
    ["ftp://host/x.zip", "ftp://host/x.zip"],
    ["data:application/zip,x.zip", "data:application/zip,x.zip"],
    ["javascript:x.zip", "javascript:x.zip"],
    ["file://host/x.zip", "file://host/x.zip"],
    ["http:///x.zip", "http:///x.zip"],
    ["http://", "http://"],
    ["https:x.zip", "https:x.zip"],
    ["http://host", "http://host"],
    ["http://host/", "http://host/"],
    ["http://host/x.tar", "http://host/x.tar"],
    ["http://host/x.zip/", "http://host/x.zip/"],
    ["http://host/x.ZIP", "http://host/x.ZIP"],
    ["http://host/x?f=y.zip", "http://host/x?f=***"],
    ["http://host/x#y.zip", "http://host/x#***"],
    ["http://host:99999/x.zip", "http://host:99999/x.zip"],
    ["http://ho st/x.zip", "http://ho st/x.zip"],
    ["http://host/\nx.zip", "http://host/\\u000ax.zip"],
    ["http://host\\x.zip", "http://host\\x.zip"],
    ["http://host/%zz.zip", "http://host/%zz.zip"],
    ["file:///a%00b.zip", "file:///a%00b.zip"],
    ["ftp://user:secret@host/x.zip", "ftp://***@host/x.zip"],
  ])("%j", async ([file, shown], { server }) => {
    const before = await snapshot(server.base);
    const refused = `functions plugins create command error: invalid uri ${shown}: `;
    const [status, text] = await post(`${server.url}/plugins/functions`, { name: "good", file });
    expect([status, text.slice(0, refused.length)]).toEqual([400, refused]);
    expect(text.slice(refused.length)).toMatch(/^[a-z][^\n]+\n$/);
    expect(await snapshot(server.base)).toEqual(before);
  });
});

describe("fields", () => {
  test.for([
    ["keys in any case", (file: string) => ({ NAME: "upper", File: file, SHELLPARAS: null, Functions: null }), "upper"],
    ["further ones", (file: string) => ({ name: "extra", file, x: 1, shellparas_: 2, "": {} }), "extra"],
    ["null for lists", (file: string) => ({ name: "nulls", file, shellParas: null, functions: null }), "nulls"],
    ["empty lists", (file: string) => ({ name: "empties", file, shellParas: [], functions: [] }), "empties"],
  ] as const)("%s are accepted", async ([_, body, name], { host, server }) => {
    const file = host.serveZip({ type: "sources", name });
    expect(await post(`${server.url}/plugins/sources`, body(file))).toEqual([201, `sources plugin ${name} is created`]);
  });

  test.for<[what: string, encode: (json: string) => Buffer]>([
    ["with a byte order mark", (json) => Buffer.from(`\ufeff${json}`)],
    ["as UTF-16", (json) => Buffer.from(`\ufeff${json}`, "utf16le")],
    ["as UTF-16 without a byte order mark", (json) => Buffer.from(json, "utf16le")],
    ["as UTF-16, big-endian", (json) => Buffer.from(`\ufeff${json}`, "utf16le").swap16()],
  ])("are accepted %s", async ([what, encode], { host, server }) => {
    const name = what.replaceAll(/[^a-z]/g, "");
    const body = encode(JSON.stringify({ name, file: host.serveZip({ type: "sources", name }) }));
    expect(await post(`${server.url}/plugins/sources`, body)).toEqual([201, `sources plugin ${name} is created`]);
  });

  test("named like parts of JavaScript change nothing", async ({ host, server }) => {
    const file = host.serveZip({ type: "sources", name: "proto" });
    const body = `{"__proto__":{"name":"evil"},"constructor":{"prototype":{"name":1}},"name":"proto","file":"${file}"}`;
    expect(await post(`${server.url}/plugins/sources`, body)).toEqual([201, "sources plugin proto is created"]);
    expect(await post(`${server.url}/plugins/sources`, '{"__proto__":{"name":"evil"}}')).toEqual([
      400,
      "sources plugins create command error: invalid name : should not be empty\n",
    ]);
    expect("name" in {}).toBe(false);
  });

  test("null as a whole body is an order without a name, as in the original", async ({ server }) => {
    expect(await post(`${server.url}/plugins/sources`, "null")).toEqual([
      400,
      "sources plugins create command error: invalid name : should not be empty\n",
    ]);
  });
});
