import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { type FixturesOf, serverTest } from "../support/fixtures.ts";
import { buildForm, FORM_HEADERS } from "../support/form.ts";
import { ask, type RequestOptions, send } from "../support/http-client.ts";
import { openRequest } from "../support/open-request.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { CAN_MOUNT, tinyDisk } from "../support/tiny-disk.ts";
import { makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

/** `/config/uploads`: files that clients leave on the server. */

const OCTETS = { "content-type": "application/octet-stream" };

const test = serverTest()
  .extend("uploads", ({ server }) => join(server.base, "data", "uploads"))
  .extend("outside", ({ folder }) => join(folder, "outside"))
  .extend("url", ({ server }) => (rest = "") => {
    return `${server.url}/config/uploads${rest}`;
  })
  .extend("path", ({ uploads }) => (name: string) => {
    return join(uploads, name);
  })
  .extend(
    "upload",
    ({ url }) =>
      (body: RequestOptions["body"], headers: Record<string, string> = {}): Promise<[number, string]> => {
        return ask(url(), { method: "POST", headers, ...(body === undefined ? {} : { body }) });
      },
  )
  .extend(
    "uploadForm",
    ({ upload }) =>
      (fileName: string, content: string | Buffer = "form", name = "uploadFile"): Promise<[number, string]> => {
        return upload(buildForm([{ name, fileName, content }]), FORM_HEADERS);
      },
  )
  .extend("list", ({ url }) => async (): Promise<string[]> => {
    return JSON.parse((await ask(url()))[1]);
  })
  /** What is in the folder and in the one of unfinished zips, beside the folders. */
  .extend("files", ({ server }) => async (): Promise<string[]> => {
    const all = await server.files();
    return all.filter((file) => /^(data|plugins\/\.incoming)\//.test(file) && !file.endsWith("/"));
  });

type Given = Pick<FixturesOf<typeof test>, "upload" | "uploadForm" | "url" | "host">;

describe("ways to upload", () => {
  test.for<[string, (given: Given) => Promise<[number, string]>, string]>([
    ["JSON with the content", ({ upload }) => upload({ name: "a.txt", content: "hällo" }), "hällo"],
    ["JSON with an empty content", ({ upload }) => upload({ name: "a.txt", content: "" }), ""],
    [
      "JSON with base64",
      ({ upload }) => upload({ name: "a.txt", base64: Buffer.from("x\0y").toString("base64") }),
      "x\0y",
    ],
    ["JSON with base64 in lines", ({ upload }) => upload({ name: "a.txt", base64: "eHh4\neQ==\n" }), "xxxy"],
    ["JSON with base64 without padding", ({ upload }) => upload({ name: "a.txt", base64: "eHh4eQ" }), "xxxy"],
    ["JSON, keys in any case", ({ upload }) => upload({ NAME: "a.txt", Content: "x", file: null }), "x"],
    ["JSON of any content type", ({ upload }) => upload({ name: "a.txt", content: "x" }, OCTETS), "x"],
    [
      "JSON with a URL",
      ({ upload, host }) => upload({ name: "a.txt", file: host.serve("/some", Buffer.from("there")) }),
      "there",
    ],
    ["a form", ({ uploadForm }) => uploadForm("a.txt"), "form"],
    ["a form with another field", ({ uploadForm }) => uploadForm("a.txt", "form", "x"), "form"],
    ["a form with a path", ({ uploadForm }) => uploadForm("C:\\x\\a.txt"), "form"],
    ["a form with a path up", ({ uploadForm }) => uploadForm("../../a.txt"), "form"],
    ["the file itself", ({ url }) => ask(url("?name=a.txt"), { method: "POST", headers: OCTETS, body: "raw" }), "raw"],
    [
      "an empty one",
      ({ url }) => ask(url("?name=a.txt"), { method: "POST", headers: OCTETS, body: "", chunked: true }),
      "",
    ],
    ["a zip of no type", ({ url }) => ask(url("?name=a.txt"), { method: "POST", body: "PK\x03\x04" }), "PK\x03\x04"],
  ])("%s", async ([_, send, content], { path, list, files, upload, uploadForm, url, host }) => {
    expect(await send({ upload, uploadForm, url, host })).toEqual([201, path("a.txt")]);
    expect(await readFile(path("a.txt"), "utf8")).toBe(content);
    expect((await stat(path("a.txt"))).mode & 0o777).toBe(0o644);
    expect(await list()).toEqual([path("a.txt")]);
    expect(await files()).toEqual(["data/uploads/a.txt"]);
  });

  test("a file of the server is copied, and stays private", async ({ folder, upload, path }) => {
    const source = join(folder, "source.pem");
    await writeFile(source, "pem");
    expect(await upload({ name: "a.txt", file: `file://${source}` })).toEqual([201, path("a.txt")]);
    expect(await readFile(path("a.txt"), "utf8")).toBe("pem");
    expect((await stat(path("a.txt"))).mode & 0o777).toBe(0o600); // what may be private stays so
  });

  test("a second upload takes the place of the first", async ({ upload, path, files }) => {
    await upload({ name: "a.txt", content: "old" });
    await upload({ name: "a.txt", content: "new" });
    expect(await readFile(path("a.txt"), "utf8")).toBe("new");
    expect(await files()).toEqual(["data/uploads/a.txt"]);
  });

  test("the old one stays until the new one is whole, and when that breaks off", async ({
    upload,
    url,
    files,
    path,
  }) => {
    await upload({ name: "a.txt", content: "old" });
    const request = openRequest(url("?name=a.txt"), OCTETS);
    await request.write("half");
    await expect.poll(files).toHaveLength(2);
    expect(await readFile(path("a.txt"), "utf8")).toBe("old");
    request.destroy();
    await expect.poll(files).toEqual(["data/uploads/a.txt"]);
    expect(await readFile(path("a.txt"), "utf8")).toBe("old");
  });
});

describe("the list", () => {
  test("is empty where nothing was ever uploaded, and no folder is made", async ({ url, files }) => {
    expect(await ask(url())).toEqual([200, "[]"]);
    expect(await files()).toEqual([]);
  });

  test("is sorted, and has regular files alone", async ({ upload, path, list, url }) => {
    for (const name of ["b", "C", "a"]) await upload({ name, content: "x" });
    await mkdir(path("folder"));
    await symlink("/etc/passwd", path("link"));
    await writeFile(path(".hidden"), "");
    expect(await list()).toEqual([path("C"), path("a"), path("b")]);
    expect((await send(url())).headers["content-type"]).toBe("application/json; charset=utf-8");
  });
});

describe("names", () => {
  test.for([
    ["../x", "should not begin with a dot"],
    ["a/b", "should be the name of one file, without folders"],
    ["/etc/passwd", "should be the name of one file, without folders"],
    ["a\\b", "should be the name of one file, without folders"],
    ["..\\x", "should not begin with a dot"],
    [".", "should not begin with a dot"],
    ["..", "should not begin with a dot"],
    [".x", "should not begin with a dot"],
    ["a\0b", "should have no control characters"],
    ["a\nb", "should have no control characters"],
    ["\ud800", "should have no control characters"],
    [" ", "should not be empty"],
    ["n".repeat(300), "should have at most 200 bytes, this has 300"],
    ["ü".repeat(101), "should have at most 200 bytes, this has 202"],
  ] as const)("%j is refused", async ([name, reason], { upload, files, url }) => {
    const [status, text] = await upload({ name, content: "x" });
    expect([status, text]).toEqual([400, expect.stringMatching(/^Upload error: invalid name .*\n$/)]);
    expect(text).toContain(`: ${reason}`);
    expect(await files()).toEqual([]);
    if (name === "\ud800") return; // what a URL can't have
    const query = `?name=${encodeURIComponent(name)}`;
    expect(await ask(url(query), { method: "POST", headers: OCTETS, body: "x" })).toEqual([400, text]);
    expect(await files()).toEqual([]);
  });

  test.for(["a", "a b.txt", "ünï.yaml", "日本.json", "-rf", "a..b", "%2e%2e", "$HOME", "'\"`", "n".repeat(200)])(
    "%j is taken, listed and deleted",
    async (name, { upload, path, list, url }) => {
      expect(await upload({ name, content: "x" })).toEqual([201, path(name)]);
      expect(await list()).toEqual([path(name)]);
      expect(await ask(url(`/${encodeURIComponent(name)}`), { method: "DELETE" })).toEqual([200, "ok"]);
      expect(await list()).toEqual([]);
    },
  );

  test.for([["..", "folder/..", "folder/", ".", ".hidden"]])(
    "a form's file name without a name in it is refused",
    async ([...names], { uploadForm, files }) => {
      for (const name of names) expect((await uploadForm(name))[0]).toBe(400);
      expect(await files()).toEqual([]);
    },
  );
});

describe("deleting", () => {
  test.for([
    ["unknown", 404, "there is no file unknown"],
    ["a%2fb", 400, "invalid name a/b: should be the name of one file, without folders"],
    ["..%2f..%2fkuiper.yaml", 400, "invalid name ../../kuiper.yaml: should not begin with a dot"],
    ["..%5cx", 400, "invalid name ..\\x: should not begin with a dot"],
    ["%2e%2e", 400, "invalid name ..: should not begin with a dot"],
    ["a%00", 400, "invalid name a\\u0000: should have no control characters"],
    ["%252e%252e", 404, "there is no file %2e%2e"],
    ["folder", 404, "there is no file folder"],
    ["n".repeat(300), 400, `invalid name ${"n".repeat(40)}…: should have at most 200 bytes, this has 300`],
  ] as const)("%.40s: %i", async ([name, status, reason], { path, url }) => {
    await mkdir(path("folder"), { recursive: true });
    const answer = await ask(url(`/${name}`), { method: "DELETE" });
    expect(answer).toEqual([status, `Error deleting the file: ${reason}\n`]);
  });

  test("with a path is no route", async ({ url }) => {
    expect((await ask(url("/../x"), { method: "DELETE" }))[0]).toBe(404);
    expect((await ask(url("/a/b"), { method: "DELETE" }))[0]).toBe(404);
  });

  test("twice is 404", async ({ upload, url }) => {
    await upload({ name: "a", content: "x" });
    expect((await ask(url("/a"), { method: "DELETE" }))[0]).toBe(200);
    expect((await ask(url("/a"), { method: "DELETE" }))[0]).toBe(404);
  });
});

describe("links are not followed", () => {
  test.beforeEach(async ({ outside, uploads, path }) => {
    await writeFile(outside, "precious");
    await mkdir(uploads, { recursive: true });
    await symlink(outside, path("link"));
  });

  test.for<[string, (given: Given) => Promise<[number, string]>]>([
    ["content", ({ upload }) => upload({ name: "link", content: "x" })],
    ["a form", ({ uploadForm }) => uploadForm("link", "x")],
    ["a URL", ({ upload, host }) => upload({ name: "link", file: host.serve("/x", Buffer.from("x")) })],
    ["the file itself", ({ url }) => ask(url("?name=link"), { method: "POST", headers: OCTETS, body: "x" })],
  ])("by %s: the link is replaced", async ([_, send], { outside, path, upload, uploadForm, url, host }) => {
    expect((await send({ upload, uploadForm, url, host }))[0]).toBe(201);
    expect(await readFile(outside, "utf8")).toBe("precious");
    expect((await lstat(path("link"))).isFile()).toBe(true);
    expect(await readFile(path("link"), "utf8")).toBe("x");
  });

  test("by a delete: the link is removed", async ({ url, outside }) => {
    expect((await ask(url("/link"), { method: "DELETE" }))[0]).toBe(200);
    expect(await readFile(outside, "utf8")).toBe("precious");
  });
});

describe("refused", () => {
  const JSON_ERROR = "Invalid body: Error decoding file json: ";
  const MISSING = "Invalid body: missing necessary field: ";
  test.for<[string, RequestOptions["body"], number, string]>([
    ["nothing", undefined, 400, `${JSON_ERROR}the body is empty`],
    ["broken JSON", "{", 400, `${JSON_ERROR}it is not valid JSON: `],
    ["an array", "[]", 400, "Invalid body: it should be an object with name and one of content, base64 and file"],
    ["a number as name", { name: 1 }, 400, "Invalid body: field name should be a string"],
    ["no base64", { name: "a", base64: "ä" }, 400, "Invalid body: field base64 should be base64"],
    ...["a", "a==", "eHh4 eHh4\ne"].map((base64): [string, RequestOptions["body"], number, string] => [
      `base64 that was cut: ${JSON.stringify(base64)}`,
      { name: "a", base64 },
      400,
      "Invalid body: field base64 should be base64, this was cut off",
    ]),
    ["no name", { content: "x" }, 400, `${MISSING}name is required`],
    ["an empty name", { name: "", content: "x" }, 400, `${MISSING}name is required`],
    ["no content", { name: "a" }, 400, `${MISSING}just one of content, base64 and file is required`],
    ["two contents", { name: "a", content: "x", base64: "eA==" }, 400, `${MISSING}just one of`],
    ["no URL", { name: "a", file: "/etc/passwd" }, 400, "Upload error: invalid uri /etc/passwd"],
    ["a URL of another kind", { name: "a", file: "ftp://host/a" }, 400, "Upload error: invalid uri ftp://host/a"],
    [
      "a secret in a URL",
      { name: "a", file: "ftp://u:pw@host/a?t=s" },
      400,
      "Upload error: invalid uri ftp://***@host/a?t=***",
    ],
    [
      "a URL with nothing there",
      { name: "a", file: "http://127.0.0.1:1/a" },
      400,
      "Upload error: fail to download file",
    ],
  ])("%s", async ([_, body, status, text], { upload, files }) => {
    const answer = await upload(body);
    expect([answer[0], answer[1].slice(0, text.length)]).toEqual([status, text]);
    expect(answer[1]).toMatch(/^[^\n]+\n$/);
    expect(await files()).toEqual([]);
  });

  test("a form without a file is refused, and one with two", async ({ upload, files }) => {
    const none = buildForm([{ name: "uploadFile", content: "", fileName: "" }]);
    expect(await upload(none, FORM_HEADERS)).toEqual([
      400,
      "Upload error: missing necessary field: name is required\n",
    ]);
    const part = { name: "uploadFile", fileName: "a", content: "x" };
    expect((await upload(buildForm([part, part]), FORM_HEADERS))[1]).toMatch(/^Upload error: the form has two files/);
    expect(await files()).toEqual([]);
  });

  test("the file itself without a name is refused", async ({ upload }) => {
    const refusal = "Upload error: missing necessary field: name is required\n";
    expect(await upload("raw", OCTETS)).toEqual([400, refusal]);
  });

  test("a name that is a folder's is refused", async ({ path, upload, uploadForm, files }) => {
    await mkdir(path("folder"), { recursive: true });
    const refusal = "Upload error: invalid name folder: there is a folder of that name\n";
    expect(await upload({ name: "folder", content: "x" })).toEqual([400, refusal]);
    expect(await uploadForm("folder")).toEqual([400, refusal]);
    expect(await files()).toEqual([]);
  });

  test("an upload whose folder can't be made is refused", async ({ server, upload }) => {
    await writeFile(join(server.base, "data"), "");
    const refusal =
      "Upload error: the server can't use the folder of uploads: a file is in the place of a folder, in its folder (ENOTDIR); move that file away; see the server's log\n";
    expect(await upload({ name: "a", content: "x" })).toEqual([500, refusal]);
  });

  test.for(["PUT", "PATCH"])("%s is 405", async (method, { url }) => {
    const answer = await send(url(), { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
  });

  test("GET of one file is 405", async ({ upload, url }) => {
    await upload({ name: "a", content: "x" });
    const answer = await send(url("/a"));
    expect([answer.status, answer.headers.allow]).toEqual([405, "DELETE, OPTIONS"]);
  });
});

describe("bounds", () => {
  const ways: [string, (given: Given, name: string, bytes: number) => Promise<[number, string]>][] = [
    ["content", ({ upload }, name, bytes) => upload({ name, content: "x".repeat(bytes) })],
    ["a form", ({ uploadForm }, name, bytes) => uploadForm(name, Buffer.alloc(bytes))],
    ["a URL", ({ upload, host }, name, bytes) => upload({ name, file: host.serve(`/${bytes}`, Buffer.alloc(bytes)) })],
    [
      "the file",
      ({ url }, name, bytes) =>
        ask(url(`?name=${name}`), { method: "POST", headers: OCTETS, body: Buffer.alloc(bytes) }),
    ],
    [
      "chunks",
      ({ url }, name, bytes) =>
        ask(url(`?name=${name}`), { method: "POST", headers: OCTETS, body: Buffer.alloc(bytes), chunked: true }),
    ],
  ];

  test.for(ways)("uploads.maxBytes: %s", async ([way, send], { server, files, upload, uploadForm, url, host }) => {
    const given = { upload, uploadForm, url, host };
    await server.start({ UPLOADS__MAXBYTES: "1000" });
    expect((await send(given, "a", 1000))[0]).toBe(201);
    const [status, text] = await send(given, "b", 1001);
    expect(status).toBe(way === "a URL" ? 400 : 413); // as for the zip of a plugin
    expect(text).toMatch(/^(Upload error|Invalid body): .*uploads\.maxBytes \(1000\) allows\n$/);
    expect(await files()).toEqual(["data/uploads/a"]);
  });

  test.for(ways)("uploads.maxTotalBytes: %s", async ([_, send], { server, files, upload, uploadForm, url, host }) => {
    const given = { upload, uploadForm, url, host };
    await server.start({ UPLOADS__MAXTOTALBYTES: "1000" });
    expect((await send(given, "a", 600))[0]).toBe(201);
    const [status, text] = await send(given, "b", 401);
    expect([status, text]).toEqual([
      507,
      expect.stringMatching(/^Upload error: .*uploads\.maxTotalBytes \(1000\) allows/),
    ]);
    expect((await send(given, "b", 400))[0]).toBe(201);
    expect((await send(given, "a", 600))[0]).toBe(201); // in the place of the old one
    expect(await files()).toEqual(["data/uploads/a", "data/uploads/b"]);
  });

  test.for(ways)("uploads.maxFiles: %s", async ([_, send], { server, url, upload, uploadForm, host }) => {
    const given = { upload, uploadForm, url, host };
    await server.start({ UPLOADS__MAXFILES: "2" });
    for (const name of ["a", "b"]) expect((await send(given, name, 1))[0]).toBe(201);
    const refusal = "Upload error: there are 2 files (uploads.maxFiles); delete some first\n";
    expect(await send(given, "c", 1)).toEqual([507, refusal]);
    expect((await send(given, "a", 2))[0]).toBe(201);
    await ask(url("/b"), { method: "DELETE" });
    expect((await send(given, "c", 1))[0]).toBe(201);
  });

  test("hold for uploads at the same time", async ({ server, uploadForm, files }) => {
    await server.start({ UPLOADS__MAXFILES: "5", UPLOADS__MAXCONCURRENT: "20" });
    const names = Array.from({ length: 20 }, (_, index) => `file${index}`);
    const answers = await Promise.all(names.map((name) => uploadForm(name)));
    expect(answers.filter(([status]) => status === 201)).toHaveLength(5);
    expect(answers.filter(([status]) => status === 507)).toHaveLength(15);
    expect(await files()).toHaveLength(5);
  });

  test("JSON is bounded as every JSON is", async ({ upload }) => {
    const [status, text] = await upload({ name: "a", content: "x".repeat(1024 * 1024) });
    expect([status, text]).toEqual([413, "Invalid body: the body is larger than 1048576 bytes (http.maxBodyBytes)\n"]);
  });

  test("URLs that are fetched at once are bounded", async ({ server, host, upload }) => {
    await server.start({ UPLOADS__MAXCONCURRENT: "2" });
    const held = ["a", "b"].map((name) => host.holdZip({ type: "sinks", name }));
    const running = held.map(({ url }, index) => upload({ name: `file${index}`, file: url }));
    await Promise.all(held.map(({ asked }) => asked));
    const third = await upload({ name: "c", file: host.serve("/c", Buffer.from("c")) });
    expect(third).toEqual([503, expect.stringContaining("uploads.maxConcurrent")]);
    for (const { release } of held) release();
    for (const [status] of await Promise.all(running)) expect(status).toBe(201);
  });
});

test("allowed hosts and folders hold for URLs too; what is uploaded can be installed", async ({
  folder,
  server,
  upload,
  host,
  uploadForm,
}) => {
  await writeFile(join(folder, "secret.txt"), "x");
  await server.start({ PLUGINDOWNLOAD__ALLOWEDHOSTS: "example.com", PLUGINDOWNLOAD__ALLOWEDFOLDERS: "/nowhere" });
  expect((await upload({ name: "a", file: host.serve("/a", Buffer.from("a")) }))[1]).toContain("allowedHosts");
  expect((await upload({ name: "a", file: `file://${folder}/secret.txt` }))[1]).toContain("allowedFolders");

  const [, zip] = await uploadForm("random.zip", pluginZip({ type: "sinks", name: "random" }));
  const order = { name: "random", file: `file://${zip}` };
  const answer = await ask(`${server.url}/plugins/sinks`, { method: "POST", body: order });
  expect(answer).toEqual([201, "sinks plugin random is created"]);
});

test("uploads.folder is a setting; a relative one starts at the base folder, a link to one is followed", async ({
  server,
  folder,
  upload,
  list,
}) => {
  await server.start({ UPLOADS__FOLDER: folder });
  expect(await upload({ name: "a", content: "x" })).toEqual([201, join(folder, "a")]);
  await server.start({ UPLOADS__FOLDER: "my/files" });
  await mkdir(join(server.base, "my"));
  await symlink(folder, join(server.base, "my", "files"));
  expect(await list()).toEqual([join(server.base, "my", "files", "a")]);
});

test.runIf(CAN_MOUNT)(
  "the folder may be another disk; where that is full, nothing changes",
  async ({ server, uploadForm, upload, host }) => {
    const disk = tinyDisk(1024 * 1024);
    await server.start({ UPLOADS__FOLDER: disk.folder });
    const old = Buffer.alloc(300_000, "old");
    for (const send of [
      (content: Buffer) => uploadForm("a", content),
      (content: Buffer) => upload({ name: "a", base64: content.toString("base64") }),
      (content: Buffer) => upload({ name: "a", file: host.serve("/a", content) }),
    ]) {
      expect((await send(old))[0]).toBe(201);
      const [status, text] = await send(Buffer.alloc(780_000));
      expect([status, text]).toEqual([507, expect.stringMatching(/^Upload error: .*no space left/)]);
      expect(await readdir(disk.folder)).toEqual(["a"]);
      expect(await readFile(join(disk.folder, "a"))).toEqual(old);
    }
  },
);

test("what an earlier process did not finish is removed at the start", async ({ upload, path, server, files }) => {
  await upload({ name: "a", content: "x" });
  await writeFile(path(".unfinished-x"), "half");
  await writeFile(path(".mine"), "");
  await server.start();
  expect(await files()).toEqual(["data/uploads/.mine", "data/uploads/a"]);
});

test("a page of another site changes nothing", async ({ upload, url, files }) => {
  const headers = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  expect((await upload({ name: "a", content: "x" }, headers))[0]).toBe(403);
  expect(
    (
      await upload(buildForm([{ name: "uploadFile", fileName: "a", content: "x" }]), { ...FORM_HEADERS, ...headers })
    )[0],
  ).toBe(403);
  expect((await ask(url("/a"), { method: "DELETE", headers }))[0]).toBe(403);
  expect(await files()).toEqual([]);
});

test("a token to read lists, and changes nothing", async ({ server, url, upload, files }) => {
  await server.start({ BASIC__AUTHENTICATION: "true" });
  const pair = makeKeyPair.EdDSA();
  await writeKey(join(server.base, "etc", "mgmt", "dashboard.pub"), pair.publicPem);
  const headers = { authorization: `Bearer ${await signToken(pair, { scope: "read" })}` };
  expect(await ask(url(), { headers })).toEqual([200, "[]"]);
  expect((await upload({ name: "a", content: "x" }, headers))[0]).toBe(403);
  expect((await ask(url("?name=a"), { method: "POST", headers: { ...headers, ...OCTETS }, body: "x" }))[0]).toBe(403);
  expect((await ask(url("/a"), { method: "DELETE", headers }))[0]).toBe(403);
  expect((await ask(url()))[0]).toBe(401);
  expect(await files()).toEqual([]);
});

test("uploads and deletes are logged", async ({ upload, url, server, path }) => {
  await upload({ name: "a", content: "x" });
  await ask(url("/a"), { method: "DELETE" });
  expect(server.logged).toContainEqual(expect.objectContaining({ msg: "file uploaded", path: path("a") }));
  expect(server.logged).toContainEqual(expect.objectContaining({ msg: "uploaded file deleted", name: "a" }));
});
