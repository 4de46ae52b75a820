import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { chunked, endless, redirect, shortBody, silent, status } from "../support/file-server-replies.ts";
import { sharedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { post, remove } from "../support/http-client.ts";
import { type PluginContents, pluginZip } from "../support/plugin-zip.ts";

/** Installs that are refused: the sentence, and that nothing at all has changed on the disk. */

const test = sharedServerTest({
  PLUGINDOWNLOAD__MAXRETRIES: "0",
  PLUGINDOWNLOAD__IDLETIMEOUTSECONDS: "1",
  PLUGINDOWNLOAD__MAXBYTES: "1000000",
  PLUGINPACKAGE__MAXENTRIES: "20",
}).extend(
  "refused",
  ({ server }) =>
    async (order: { name: string; file: string; shellParas?: string[] }): Promise<string> => {
      const [code, text] = await post(`${server.url}/plugins/sources`, order);
      expect([code, text.endsWith("\n"), text.trimEnd().includes("\n")]).toEqual([400, true, false]);
      expect(text.slice(0, PREFIX.length)).toBe(PREFIX);
      return text.slice(PREFIX.length, -1);
    },
);

test.beforeAll(async ({ server, host }) => {
  const file = host.serveZip({ type: "sources", name: "present", etc: { "a.txt": "a" } });
  expect((await post(`${server.url}/plugins/sources`, { name: "present", file }))[0]).toBe(201);
  await writeFile(join(server.base, "etc/sources/random.yaml"), "somebody's\n");
});
test.aroundEach(async (runTest, { server }) => {
  const before = await snapshot(server.base);
  await runTest();
  expect(await snapshot(server.base)).toEqual(before);
});

const PREFIX = "sources plugins create command error: ";

describe("a download fails", () => {
  const zip = pluginZip({ type: "sources", name: "random" });
  test.for([
    ["404", status(404), "cannot download the file with status: 404 Not Found"],
    ["500", status(500), "cannot download the file with status: 500 Internal Server Error"],
    ["204", status(204), "cannot download the file with status: 204 No Content"],
    ["206", status(206), "cannot download the file with status: 206 Partial Content"],
    ["401", status(401), "cannot download the file with status: 401 Unauthorized"],
    ["a body cut short", shortBody(zip.subarray(0, 100), zip.length), "unexpected EOF"],
    ["a redirect to file:", redirect("file:///etc/x.zip"), 'redirect refused: unsupported protocol scheme "file"'],
    ["a redirect to itself", redirect("/random.zip"), "stopped after 10 redirects"],
    ["silence", silent, "the host sent nothing for 1 s (pluginDownload.idleTimeoutSeconds)"],
    ["no end", endless().reply, "it has more bytes than pluginDownload.maxBytes (1000000) allows"],
    ["too large", chunked(Buffer.alloc(1_000_001)), "it has more bytes than pluginDownload.maxBytes (1000000) allows"],
  ] as const)("%s", async ([_, reply, reason], { host, refused }) => {
    const file = host.serve("/random.zip", reply);
    expect(await refused({ name: "random", file })).toBe(`fail to download file ${file}: ${reason}`);
  });

  test("where nobody listens", async ({ refused }) => {
    const file = "http://127.0.0.1:1/random.zip";
    const reason = "dial tcp 127.0.0.1:1: connect: connection refused";
    expect(await refused({ name: "random", file })).toBe(`fail to download file ${file}: ${reason}`);
  });

  test("where there is no such host", async ({ refused }) => {
    const file = "http://nowhere.invalid/random.zip";
    expect(await refused({ name: "random", file })).toMatch(
      /^fail to download file http:\/\/nowhere\.invalid\/random\.zip: dial tcp: lookup nowhere\.invalid: (no such host|temporary failure in name resolution)$/,
    );
  });
});

describe("a file can't be read", () => {
  test.for([
    ["missing", "none.zip", (path: string) => `stat ${path}: no such file or directory`],
    ["a folder", "folder.zip", (path: string) => `${path} is not a regular file`],
  ] as const)("%s", async ([_, name, reason], { folder, refused }) => {
    const path = join(folder, name);
    await mkdir(join(folder, "folder.zip"));
    expect(await refused({ name: "random", file: `file://${path}` })).toBe(
      `fail to download file file://${path}: ${reason(path)}`,
    );
  });

  test("because it is a device", async ({ refused }) => {
    const reason = "stat /dev/null/x.zip: not a directory";
    expect(await refused({ name: "random", file: "file:///dev/null/x.zip" })).toBe(
      `fail to download file file:///dev/null/x.zip: ${reason}`,
    );
  });
});

describe("a zip is wrong", () => {
  const MISSING = "invalid zip file: so file or conf file is missing";
  const random = (contents: Partial<PluginContents>) => pluginZip({ type: "sources", name: "random", ...contents });
  test.for<[what: string, zip: () => Buffer, reason: string | RegExp]>([
    ["empty", () => Buffer.alloc(0), "zip: not a valid zip file (0 bytes, it is empty)"],
    [
      "no zip",
      () => Buffer.from("<html>404</html>"),
      /^zip: not a valid zip file \(16 bytes, an HTML page, such as a login or error page; [^;]+\)$/,
    ],
    [
      "cut off",
      () => random({}).subarray(0, -30),
      /^zip: not a valid zip file \(\d+ bytes, a zip whose end is missing or damaged; transfer it again\)$/,
    ],
    ["without entries", () => random({ soContent: null, yaml: null }), new RegExp(`^${MISSING} `)],
    ["without .so", () => random({ soContent: null }), new RegExp(`^${MISSING} .*it has none\\)$`)],
    ["without yaml", () => random({ yaml: null }), new RegExp(`^${MISSING} .*random\\.yaml`)],
    [
      "another's .so",
      () => random({ soName: "Other@v1.so" }),
      new RegExp(`^${MISSING} .*it has none; found Other@v1\\.so: that is the plugin other; .*\\)$`),
    ],
    [
      "the .so in a folder",
      () => random({ soName: "random/Random.so" }),
      new RegExp(`^${MISSING} .*found random/Random\\.so: .*root`),
    ],
    ["two .so", () => random({ files: { "random.so": "x" } }), new RegExp(`^${MISSING} .*"random\\.so"`)],
    ["a version that leads out", () => random({ soName: "Random@../../x.so" }), /^invalid zip file: /],
    ["an entry that leads out", () => random({ files: { "../evil": "x" } }), /^invalid zip file: "\.\.\/evil": /],
    ["an etc entry that leads out", () => random({ etc: { "../../../evil": "x" } }), /^invalid zip file: /],
    [
      "a wrong checksum",
      () => random({ extraEntries: [{ name: "x", data: "x", central: { crc32: 1 }, local: { crc32: 1 } }] }),
      /checksum error/,
    ],
    [
      "too many entries",
      () => random({ extraEntries: Array.from({ length: 30 }, (_, i) => ({ name: `f${i}` })) }),
      /has 32 entries, allowed are 20/,
    ],
  ])("%s", async ([_, zip, reason], { host, refused }) => {
    const file = host.serve("/random.zip", zip());
    const text = await refused({ name: "random", file });
    const prefix = `fail to unzip file ${file}: `;
    expect(text.slice(0, prefix.length)).toBe(prefix);
    expect(text.slice(prefix.length)).toEqual(typeof reason === "string" ? reason : expect.stringMatching(reason));
  });
});

test("shell parameters without an install.sh are refused", async ({ host, refused }) => {
  const file = host.serveZip({ type: "sources", name: "random" });
  expect(await refused({ name: "random", file, shellParas: ["-a", "b c"] })).toBe(
    `fail to unzip file ${file}: have shell parameters : [-a b c] but no install.sh file`,
  );
});

test("a name that is taken is refused before the download", async ({ host, refused }) => {
  const asked = host.requests.length;
  const file = host.url("/sources/present.zip");
  expect(await refused({ name: "present", file })).toBe("invalid name present: duplicate");
  expect(host.requests.length).toBe(asked);
});

test("an install with a folder of ours in its way is refused", async ({ server, host }) => {
  const blocked = join(server.base, "plugins/sources/Blocked@v1.0.0.so");
  await mkdir(blocked);
  const before = await snapshot(server.base);
  const file = host.serveZip({ type: "sources", name: "blocked" });
  const [code, text] = await post(`${server.url}/plugins/sources`, { name: "blocked", file });
  expect([code, text]).toEqual([500, expect.stringContaining("plugins/sources/Blocked@v1.0.0.so is a folder")]);
  expect(await snapshot(server.base)).toEqual(before);
  await rmdir(blocked);
});

test("a name that was deleted since the start is refused", async ({ host, server, refused }) => {
  const file = host.serveZip({ type: "sources", name: "deleted" });
  expect((await post(`${server.url}/plugins/sources`, { name: "deleted", file }))[0]).toBe(201);
  expect((await remove(`${server.url}/plugins/sources/deleted`))[0]).toBe(200);
  expect(await refused({ name: "deleted", file })).toBe(
    "invalid name deleted: the plugin is marked as deleted but Kuiper is not restarted for the change to take effect yet",
  );
});
