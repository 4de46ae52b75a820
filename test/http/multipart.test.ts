import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { type FixturesOf, sharedServerTest } from "../support/fixtures.ts";
import { BOUNDARY, buildForm, FORM_HEADERS, type FormPart } from "../support/form.ts";
import { ask } from "../support/http-client.ts";
import { pluginZip, seededRandom } from "../support/plugin-zip.ts";

/** A create as a form, with the zip as one of its parts. */

const PREFIX = "sinks plugins create command error: ";

let count = 0;
const test = sharedServerTest({ UPLOADS__MAXBYTES: "2000000" })
  .extend("plugin", () => {
    count += 1;
    const name = `plugin${count}`;
    return { name, zip: pluginZip({ type: "sinks", name }) };
  })
  .extend("signature", ({ plugin }) => () => {
    return sign(null, plugin.zip, privateKey);
  })
  .extend("named", ({ plugin }) => (): FormPart => {
    return { name: "name", content: plugin.name };
  })
  .extend("file", ({ plugin }) => (field = "file", fileName = "random.zip"): FormPart => {
    return {
      name: field,
      content: plugin.zip,
      fileName,
      type: "application/zip",
    };
  })
  .extend(
    "create",
    ({ server }) =>
      (parts: readonly FormPart[] | Buffer, headers: Record<string, string> = FORM_HEADERS) => {
        const body = Buffer.isBuffer(parts) ? parts : buildForm(parts);
        return ask(`${server.url}/plugins/sinks`, { method: "POST", headers, body });
      },
  )
  .extend("created", ({ plugin }) => () => {
    return [201, `sinks plugin ${plugin.name} is created`];
  })
  .extend("describePlugin", ({ server, plugin }) => async () => {
    return JSON.parse((await ask(`${server.url}/plugins/sinks/${plugin.name}`))[1]);
  })
  .extend("incoming", ({ server }) => async (): Promise<string[]> => {
    return (await server.files()).filter((path) => path.startsWith("plugins/.incoming/") && !path.endsWith("/"));
  });

const { publicKey, privateKey } = generateKeyPairSync("ed25519");

/** What rows of tests make their forms of. */
type Given = Pick<FixturesOf<typeof test>, "plugin" | "named" | "file">;

describe("a form is taken", () => {
  test.for<[string, (given: Given) => FormPart[]]>([
    ["name, then file", ({ named, file }) => [named(), file()]],
    ["file, then name", ({ file, named }) => [file(), named()]],
    ["as a later engine calls it", ({ named, file }) => [named(), file("uploadFile")]],
    ["whatever the field", ({ named, file }) => [named(), file("x")]],
    ["keys in any case", ({ plugin, file }) => [{ name: "NAME", content: plugin.name }, file("FILE")]],
    [
      "unknown fields",
      ({ named, file }) => [named(), { name: "comment", content: "x" }, { name: "__proto__", content: "y" }, file()],
    ],
    [
      "a file input that nothing was chosen for",
      ({ file, named }) => [{ ...file("other", ""), content: "" }, named(), file()],
    ],
    [
      "a type, but no file name",
      ({ named, plugin }) => [named(), { name: "file", content: plugin.zip, type: "application/octet-stream" }],
    ],
  ])("%s", async ([_, parts], { create, created, plugin, describePlugin, incoming, named, file }) => {
    expect(await create(parts({ plugin, named, file }))).toEqual(created());
    const sha256 = createHash("sha256").update(plugin.zip).digest("hex");
    expect(await describePlugin()).toMatchObject({ sha256, bytes: plugin.zip.length });
    expect(await incoming()).toEqual([]);
  });

  test("with a preamble and an epilogue", async ({ named, file, create, created }) => {
    const body = Buffer.concat([Buffer.from("\r\nhello\r\n"), buildForm([named(), file()]), Buffer.from("bye\r\n")]);
    expect(await create(body)).toEqual(created());
  });

  test("with a URL in the place of the zip", async ({ host, plugin, create, named, created, describePlugin }) => {
    const url = host.serveZip({ type: "sinks", name: plugin.name });
    expect(await create([named(), { name: "file", content: url }])).toEqual(created());
    expect(await describePlugin()).toMatchObject({ origin: url });
  });

  test("as fetch sends it", async ({ plugin, server, describePlugin }) => {
    const body = new FormData();
    body.set("name", plugin.name);
    body.set("file", new Blob([plugin.zip]), "ünï.zip");
    const response = await fetch(`${server.url}/plugins/sinks`, { method: "POST", body });
    expect(response.status).toBe(201);
    expect(await describePlugin()).toMatchObject({ origin: "upload of ünï.zip" });
  });

  test("cut into single bytes", async ({ named, file, server }) => {
    const body = buildForm([named(), file()]);
    async function* bytes() {
      for (let at = 0; at < body.length; at += 1) yield body.subarray(at, at + 1);
    }
    const request = { method: "POST", headers: FORM_HEADERS, body: bytes(), duplex: "half" } as unknown as RequestInit;
    expect((await fetch(`${server.url}/plugins/sinks`, request)).status).toBe(201);
  });

  test("as an update with the name in the path alone", async ({
    create,
    named,
    file,
    plugin,
    server,
    describePlugin,
  }) => {
    await create([named(), file()]);
    plugin.zip = pluginZip({ type: "sinks", name: plugin.name, version: "2.0.0" });
    const options = { method: "PUT", headers: FORM_HEADERS, body: buildForm([file()]) };
    expect((await ask(`${server.url}/plugins/sinks/${plugin.name}`, options))[0]).toBe(200);
    expect(await describePlugin()).toMatchObject({ version: "2.0.0" });
  });
});

test.for([
  ["C:\\x\\y.zip", "upload of y.zip"],
  ["../../x.zip", "upload of x.zip"],
  ["/etc/passwd", "upload of passwd"],
  ["a/b\\c.zip", "upload of c.zip"],
  ["folder/", "upload"],
  ["..", "upload of .."],
  ["插件.zip", "upload of 插件.zip"],
  ["a%0Ab\u202e.zip", "upload of a%0Ab\\u202e.zip"],
  [`${"n".repeat(300)}.zip`, `upload of ${"n".repeat(200)}`],
])(
  "the file name %j is shown, and no path",
  async ([fileName, origin], { create, named, file, created, describePlugin }) => {
    expect(await create([named(), file("file", fileName)])).toEqual(created());
    expect(await describePlugin()).toMatchObject({ origin });
  },
);

describe("lists", () => {
  const SCRIPT = 'for word in "$@"; do echo "<$word>" >&2; done; exit 3';
  test.for<[string, string[], string[]]>([
    ["repeated", ["-a", "b c", ""], ["-a", "b c", ""]],
    ["one", ["-a"], ["-a"]],
    ["as JSON", ['["-a","b c"]'], ["-a", "b c"]],
    ["an empty list", ["[]"], []],
    ["what only looks like JSON", ["[a]"], ["[a]"]],
    ["JSON of other things", ["[1]"], ["[1]"]],
  ])("%s", async ([_, given, expected], { plugin, create, named, file }) => {
    plugin.zip = pluginZip({ type: "sinks", name: plugin.name, script: SCRIPT });
    const [status, text] = await create([
      named(),
      ...given.map((content) => ({ name: "shellParas", content })),
      file(),
    ]);
    expect(status).toBe(400);
    for (const word of expected) expect(text).toContain(`<${word}>`);
    expect([...text.matchAll(/<[^>]*>/g)]).toHaveLength(expected.length);
  });
});

describe("signature", () => {
  test.beforeAll(async ({ server }) => {
    await mkdir(join(server.base, "etc", "trust"), { recursive: true });
    await writeFile(join(server.base, "etc", "trust", "us.pub"), publicKey.export({ type: "spki", format: "pem" }));
  });

  test.for<[string, (signature: Buffer) => FormPart]>([
    ["a field", (signature) => ({ name: "signature", content: signature.toString("base64") })],
    ["a field with a line break", (signature) => ({ name: "signature", content: `${signature.toString("base64")}\n` })],
    [
      "a field in pieces",
      (signature) => ({
        name: "signature",
        content: signature.toString("base64").replace(/.{20}/g, "$& "),
      }),
    ],
    ["a file of bytes", (signature) => ({ name: "signature", content: signature, fileName: "random.zip.sig" })],
    [
      "a file of base64",
      (signature) => ({ name: "Signature", content: signature.toString("base64"), fileName: "x.sig" }),
    ],
  ])("%s", async ([_, part], { named, file, create, created, describePlugin, server, plugin, signature }) => {
    for (const order of [() => [part(signature()), named(), file()], () => [file(), named(), part(signature())]]) {
      expect(await create(order())).toEqual(created());
      expect((await describePlugin()).verified.signature).toMatchObject({ key: "us.pub", algorithm: "ed25519" });
      await ask(`${server.url}/plugins/sinks/${plugin.name}`, { method: "DELETE" });
      plugin.name += "x";
      plugin.zip = pluginZip({ type: "sinks", name: plugin.name });
    }
  });

  test("of another zip is refused", async ({ create, named, file, incoming }) => {
    const given = { name: "signature", content: sign(null, Buffer.from("x"), privateKey), fileName: "x.sig" };
    const [status, text] = await create([named(), file(), given]);
    expect([status, text]).toEqual([400, expect.stringContaining("signature")]);
    expect(await incoming()).toEqual([]);
  });

  test("that is too large for one is refused", async ({ create, named, file, incoming }) => {
    const given = { name: "signature", content: Buffer.alloc(17 * 1024), fileName: "x.sig" };
    const refusal = `${PREFIX}the file signature of the form is larger than 16384 bytes\n`;
    expect(await create([named(), file(), given])).toEqual([400, refusal]);
    expect(await incoming()).toEqual([]);
  });
});

describe("what is refused leaves nothing", () => {
  const many = (length: number, part: FormPart) => Array.from({ length }, () => part);
  test.for<[string, (given: Given) => FormPart[] | Buffer, status: number, reason: string]>([
    ["no name", ({ file }) => [file()], 400, "invalid name : should not be empty"],
    [
      "a wrong name before the file",
      ({ file }) => [{ name: "name", content: "A" }, file()],
      400,
      "invalid name A: should",
    ],
    [
      "a wrong name after the file",
      ({ file }) => [file(), { name: "name", content: "A" }],
      400,
      "invalid name A: should",
    ],
    [
      "no file",
      ({ named }) => [named()],
      400,
      "invalid uri : it is empty; it should be a URL that begins with http://, https:// or file:///",
    ],
    [
      "two files",
      ({ named, file }) => [named(), file("one"), file("two")],
      400,
      "the form has two files (one, two); send one",
    ],
    [
      "the same file twice",
      ({ file, named }) => [file(), file(), named()],
      400,
      "the form has two files (file, file); send one",
    ],
    [
      "NUL",
      ({ named, file }) => [named(), { name: "shellParas", content: "a\0b" }, file()],
      400,
      "field shellParas should be a list",
    ],
    [
      "a wrong sum",
      ({ named, file }) => [named(), file(), { name: "sha256", content: "x" }],
      400,
      "field sha256 should be 64",
    ],
    [
      "many fields",
      ({ named, file }) => [named(), file(), ...many(1001, named())],
      400,
      "the form has more than 1000 fields",
    ],
    [
      "a field that is large",
      ({ named, file }) => [named(), file(), { name: "x", content: "x".repeat(1_048_577) }],
      413,
      "the form's fields are larger than 1048576 bytes (http.maxBodyBytes)",
    ],
    [
      "fields that are large together",
      ({ file }) => [file(), ...many(3, { name: "x", content: "x".repeat(400_000) })],
      413,
      "the form's fields are larger",
    ],
    [
      "a file that is large",
      ({ named, file }) => [named(), { ...file(), content: Buffer.alloc(2_000_001) }],
      413,
      "it has more bytes than uploads.maxBytes (2000000) allows",
    ],
    [
      "a part without a name that is large",
      ({ named, file }) => [named(), file(), { name: "", head: "X: y", content: Buffer.alloc(3_100_000) }],
      413,
      "the body has",
    ],
    [
      "cut off in the file",
      ({ named, file }) => buildForm([named(), file()]).subarray(0, -1000),
      400,
      "the form is not whole",
    ],
    [
      "cut off before the last boundary",
      ({ file, named }) => buildForm([file(), named()]).subarray(0, -10),
      400,
      "the form is not whole",
    ],
    [
      "cut off in a head",
      ({ file, named }) => buildForm([file(), named()]).subarray(0, -100),
      400,
      "the form is not whole",
    ],
    ["only a boundary", () => Buffer.from(`--${BOUNDARY}\r\n`), 400, "the form is not whole"],
    [
      "another boundary",
      ({ named }) => Buffer.from(String(buildForm([named()])).replaceAll("boundary", "bound")),
      400,
      "the form is not whole",
    ],
    [
      "a head without end",
      () => Buffer.from(`--${BOUNDARY}\r\nX: ${"y".repeat(100_000)}`),
      400,
      "the form is not whole",
    ],
  ])("%s", async ([_, parts, status, reason], { create, incoming, server, plugin, named, file }) => {
    const [actual, text] = await create(parts({ plugin, named, file }));
    expect([actual, text.slice(0, PREFIX.length + reason.length)]).toEqual([status, PREFIX + reason]);
    expect(text).toMatch(/^[^\n]+\n$/);
    expect(await incoming()).toEqual([]);
    expect((await ask(`${server.url}/plugins/sinks/${plugin.name}`))[0]).toBe(404);
  });

  test("a file behind the fields that are too large, in one piece", async ({ startServer, named, file }) => {
    const small = await startServer({ HTTP__MAXBODYBYTES: "1024", UPLOADS__MAXCONCURRENT: "1" });
    for (const content of ["x".repeat(1025), ""]) {
      const body = buildForm([named(), { name: "x", content }, file()]);
      const [status] = await ask(`${small.url}/plugins/sinks`, { method: "POST", headers: FORM_HEADERS, body });
      expect(status).toBe(content === "" ? 201 : 413); // nobody is at the first file any more
    }
  });

  test("in chunks, more than a zip and its fields may have", async ({ named, file, server, incoming }) => {
    const body = buildForm([named(), file(), { name: "", head: "X: y", content: Buffer.alloc(3_100_000) }]);
    const options = { method: "POST", headers: FORM_HEADERS, body, chunked: true };
    const refusal = `${PREFIX}the form is larger than 3048576 bytes (uploads.maxBytes)\n`;
    expect(await ask(`${server.url}/plugins/sinks`, options)).toEqual([413, refusal]);
    expect(await incoming()).toEqual([]);
  });

  test.for(["multipart/form-data", "multipart/form-data; x=y"])(
    "no boundary: %s",
    async (type, { create, named, file }) => {
      const refusal = `${PREFIX}the form's content type has no boundary\n`;
      expect(await create([named(), file()], { "content-type": type })).toEqual([400, refusal]);
    },
  );

  test("an empty form", async ({ create }) => {
    expect(await create(Buffer.from(`--${BOUNDARY}--\r\n`))).toEqual([
      400,
      `${PREFIX}invalid name : should not be empty\n`,
    ]);
  });

  test("nothing at all", async ({ create }) => {
    const refusal = "Invalid body: Error decoding the sinks plugin json: the body is empty\n";
    expect(await create(Buffer.alloc(0))).toEqual([400, refusal]);
  });
});

test.for([
  ["a create", "POST", ""],
  ["an inspection", "POST", "/inspect"],
  ["an update", "PUT", "/NAME"],
] as const)(
  "a zip and a URL in one order are refused: %s",
  async ([_, method, path], { create, named, file, created, server, plugin, host, incoming }) => {
    if (method === "PUT") expect(await create([named(), file()])).toEqual(created());
    const url = `${server.url}/plugins/sinks${path.replace("NAME", plugin.name)}`;
    const elsewhere = host.serveZip({ type: "sinks", name: plugin.name });
    const refusal = [
      400,
      expect.stringContaining(`invalid uri ${elsewhere}: there is a zip and a file; send one of them`),
    ];
    const body = buildForm([named(), { name: "file", content: elsewhere }, file("uploadFile")]);
    expect(await ask(url, { method, headers: FORM_HEADERS, body })).toEqual(refusal);
    const query = `?name=${plugin.name}&file=${encodeURIComponent(elsewhere)}`;
    expect(
      await ask(url + query, { method, headers: { "content-type": "application/zip" }, body: plugin.zip }),
    ).toEqual(refusal);
    expect(await incoming()).toEqual([]);
  },
);

test("a form on another site does not install anything", async ({ create, named, file, server, plugin }) => {
  const site = { origin: "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  const [status, text] = await create([named(), file()], { ...FORM_HEADERS, ...site });
  expect([status, text]).toEqual([403, expect.stringContaining("a page of another site")]);
  expect((await ask(`${server.url}/plugins/sinks/${plugin.name}`))[0]).toBe(404);
  expect((await server.files()).filter((path) => path.endsWith(".zip"))).toEqual([]);
});

test("JSON that is announced as a form is JSON", async ({ plugin, host, create, created }) => {
  const order = Buffer.from(
    JSON.stringify({ name: plugin.name, file: host.serveZip({ type: "sinks", name: plugin.name }) }),
  );
  expect(await create(order)).toEqual(created());
});

test("whatever bytes a form has, it is answered", async ({ named, file, create, incoming }) => {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  for (let round = 0; round < 300; round += 1) {
    const form = Buffer.from(
      buildForm(
        pick([
          [named(), file()],
          [file(), named()],
          [file("a"), file("b")],
        ]),
      ),
    );
    for (let change = 0; change < 3; change += 1) form[Math.floor(random() * form.length)] = pick([0, 10, 13, 45, 255]);
    const end = random() < 0.5 ? form.length : Math.floor(random() * form.length);
    const [status] = await create(form.subarray(0, end));
    expect([201, 400]).toContain(status);
    expect(await incoming()).toEqual([]);
  }
});
