import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { snapshot } from "../support/folder-snapshot.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { makeSigner, writeTrusted } from "../support/signing.ts";

/** What install.sh does to the files that are unpacked and not installed yet: it runs as the server's user. */

const SO_TARGET = "plugins/sinks/Scripted@v1.0.0.so";
const JSON_TARGET = "etc/sinks/scripted.json";
/** For scripts: where the .so and the json are, in whatever order they were unpacked. */
const PATHS = `id=$(basename "$(dirname "$PWD")")
so=$(ls -S ../*.new | head -1)
json=$(ls ../../../../etc/.changes/$id/*.new)
`;
const sha256Of = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

const test = stoppedServerTest
  .extend("vendor", ({ folder }) => makeSigner(folder, "ecdsa"))
  .extend("start", ({ server, vendor }) => async (settings: Record<string, string> = {}): Promise<void> => {
    await server.start({ TRUST__REQUIRE: "true", ...settings });
    await writeTrusted(join(server.base, "etc/trust/vendor.pub"), vendor.publicPem);
  })
  .extend("install", ({ host, server, vendor, folder }) => async (script: string): Promise<[number, string]> => {
    const zip = pluginZip({ type: "sinks", name: "scripted", json: "{}", script: `set -e\n${PATHS}${script}` });
    const file = join(folder, "scripted.zip");
    await writeFile(file, zip);
    const signature = vendor.sign(file).toString("base64");
    return post(`${server.url}/plugins/sinks`, { name: "scripted", file: host.serve("/scripted.zip", zip), signature });
  })
  .extend("describePlugin", ({ server }) => async () => {
    return JSON.parse((await send(`${server.url}/plugins/sinks/scripted`)).text);
  });

const CREATED = [201, "sinks plugin scripted is created"];
const REMEDY = "; it may change what is in the plugin's own files, but each must stay a regular file";

describe("what is no regular file any more is refused, whether signatures are required or not", () => {
  test.for<[script: string, reason: string]>([
    ["rm $so; ln -s /etc/passwd $so", `put a symbolic link in the place of ${SO_TARGET}`],
    ["mv $so kept.so; ln -s $PWD/kept.so $so", `put a symbolic link in the place of ${SO_TARGET}`],
    ["rm $so; mkfifo $so", `put a named pipe in the place of ${SO_TARGET}`],
    ["rm $so; mkdir $so", `put a folder in the place of ${SO_TARGET}`],
    ["rm $so", `removed ${SO_TARGET}`],
    ["mv $so beside.so", `removed ${SO_TARGET}`],
    ["ln $so ../other.so", `left a second name (a hard link) of ${SO_TARGET}`],
    ["echo x > a; rm $so; ln a $so", `left a second name (a hard link) of ${SO_TARGET}`],
    ["rm $json; ln -s /etc/passwd $json", `put a symbolic link in the place of ${JSON_TARGET}`],
    ["rm $json; mkfifo $json", `put a named pipe in the place of ${JSON_TARGET}`],
    ["rm $json", `removed ${JSON_TARGET}`],
    ["ln $json ../../../../etc/.changes/$id/x", `left a second name (a hard link) of ${JSON_TARGET}`],
  ])("%s", async ([script, reason], { start, server, install }) => {
    for (const require of ["true", "false"]) {
      await start({ TRUST__REQUIRE: require });
      const before = await snapshot(server.base);
      const [status, text] = await install(script);
      expect([status, text]).toEqual([400, expect.stringContaining(`install.sh ${reason}${REMEDY}`)]);
      expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", result: "SCRIPT_FAILED" }));
      expect(await snapshot(server.base)).toEqual(before);
      expect(await ask(`${server.url}/plugins/sinks`)).toEqual([200, "[]"]);
    }
    expect(await install("exit 0")).toEqual(CREATED); // nothing is in the way
  });

  test.skipIf(process.getuid?.() !== 0).for<[script: string, reason: string]>([
    ["chown 65534 $so", `gave another owner to ${SO_TARGET}`],
    ["rm $so; mknod $so c 1 5", `put a device in the place of ${SO_TARGET}`],
  ])("%s", async ([script, reason], { start, install }) => {
    await start();
    expect(await install(script)).toEqual([400, expect.stringContaining(`install.sh ${reason}${REMEDY}`)]);
  });

  test("a hard link to a file of the system", async ({ start, install, folder }) => {
    await start();
    const secret = join(folder, "shadow");
    await writeFile(secret, "root:x");
    const [status, text] = await install(`rm $so; ln ${secret} $so`);
    expect([status, text]).toEqual([400, expect.stringContaining("left a second name (a hard link) of")]);
    expect((await stat(secret)).nlink).toBe(1);
  });

  test("a folder of the unpacked files that is a link", async ({ start, install }) => {
    await start();
    const reason = "install.sh moved or replaced the folder of the unpacked files; it must leave that folder alone";
    for (const script of [
      "cd ../..; mv $id moved; ln -s moved $id",
      "cd ../../../../etc/.changes; mv $id moved; ln -s moved $id",
    ]) {
      expect(await install(script)).toEqual([400, expect.stringContaining(reason)]);
    }
  });
});

test("modes are set back: setuid, setgid, sticky, group and world write, no permission at all", async ({
  start,
  install,
  server,
}) => {
  await start();
  for (const mode of ["6777", "1777", "0000", "u+s", "g+s,o+w"]) {
    expect(await install(`chmod ${mode} $so $json; chmod 777 .. $(dirname $json)`)).toEqual(CREATED);
    for (const [target, expected] of [
      [SO_TARGET, 0o755],
      [JSON_TARGET, 0o644],
    ] as const) {
      expect((await stat(join(server.base, target))).mode & 0o7777, `${target} after ${mode}`).toBe(expected);
    }
    await ask(`${server.url}/plugins/sinks/scripted`, { method: "DELETE" });
    await start();
  }
});

const CHANGES: [what: string, script: string][] = [
  ["bytes appended", "printf more >> $so"],
  ["the file replaced", "printf replaced > new; mv new $so"],
  [
    "as many other bytes, times set back",
    "touch -r $so t; printf X | dd of=$so conv=notrunc 2>/dev/null; touch -r t $so",
  ],
  ["emptied", ": > $so"],
  ["a file of the same size", "head -c $(wc -c < $so) /dev/zero > new; cat new > $so"],
  ["the json", "printf '{\"x\":1}' > $json"],
];

describe("changed bytes are refused where signatures are required", () => {
  test.for(CHANGES)("%s", async ([_, script], { start, server, install }) => {
    await start();
    const before = await snapshot(server.base);
    const [status, text] = await install(script);
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(
        /install\.sh changed (plugins\/sinks\/Scripted@v1\.0\.0\.so|etc\/sinks\/scripted\.json), and trust\.require installs only the bytes that were signed/,
      ),
    ]);
    expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", result: "SIGNATURE_INVALID" }));
    expect(await snapshot(server.base)).toEqual(before);
  });
});

describe("changed bytes are recorded as they are where signatures are not required", () => {
  test.for(CHANGES)("%s", async ([_, script], { start, server, install, describePlugin }) => {
    await start({ TRUST__REQUIRE: "false" });
    expect(await install(script)).toEqual(CREATED);
    const { files, verified } = await describePlugin();
    for (const { path, sha256, bytes } of files) {
      const content = await readFile(join(server.base, path));
      expect({ path, sha256, bytes }).toEqual({ path, sha256: sha256Of(content), bytes: content.length });
    }
    const target = script.endsWith("$json") ? JSON_TARGET : SO_TARGET;
    expect(verified).toBeUndefined(); // the signature is that of other bytes
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "audit", result: "done", changedByScript: [target] }),
    );
    expect(server.logged).toContainEqual(
      expect.objectContaining({ files: [target], msg: expect.stringContaining("install.sh changed files") }),
    );
  });

  test("so that a rollback brings back what was there, and an edit is noticed", async ({
    start,
    server,
    install,
    host,
  }) => {
    await start({ TRUST__REQUIRE: "false" });
    await install("printf 'so by the script' > $so; printf '{\"by\":1}' > $json");
    const file = host.serveZip({ type: "sinks", name: "scripted", version: "2.0.0", json: '{"new":1}' });
    expect((await ask(`${server.url}/plugins/sinks/scripted`, { method: "PUT", body: { file } }))[0]).toBe(200);
    expect(await readFile(join(server.base, JSON_TARGET), "utf8")).toBe('{"new":1}'); // nobody had edited it
    expect((await post(`${server.url}/plugins/sinks/scripted/rollback`, undefined))[0]).toBe(200);
    expect(await readFile(join(server.base, SO_TARGET), "utf8")).toBe("so by the script");
    expect(await readFile(join(server.base, JSON_TARGET), "utf8")).toBe('{"by":1}');
    // What was installed with other bytes than the signed ones does not come back once signatures are required.
    expect((await ask(`${server.url}/plugins/sinks/scripted`, { method: "PUT", body: { file } }))[0]).toBe(200);
    await start();
    const [status, text] = await post(`${server.url}/plugins/sinks/scripted/rollback`, undefined);
    expect([status, text]).toEqual([400, expect.stringContaining("was installed without a signature")]);
  });
});

describe("a huge file is refused unread", () => {
  test("sparse, over the limit of a file", async ({ start, install }) => {
    await start({ PLUGINPACKAGE__MAXENTRYBYTES: "100000", TRUST__REQUIRE: "false" });
    expect(await install("truncate -s 1T $so 2>/dev/null || truncate -s 1G $so")).toEqual([
      400,
      expect.stringMatching(/install\.sh wrote \d{10,} bytes, more than pluginPackage\.maxEntryBytes \(100000\), to /),
    ]);
  });

  test("all together over the limit of a zip", async ({ start, install }) => {
    await start({ PLUGINPACKAGE__MAXTOTALBYTES: "100000", TRUST__REQUIRE: "false" });
    expect(await install("truncate -s 99k $so; truncate -s 99k $json")).toEqual([
      400,
      expect.stringContaining("have more bytes than pluginPackage.maxTotalBytes (100000) allows"),
    ]);
  });
});

test("what the script leaves in the background has ended before its files are looked at", async ({
  start,
  install,
  describePlugin,
  server,
}) => {
  await start({ TRUST__REQUIRE: "false" });
  expect(
    await install(
      "(while :; do printf x >> $so; done) >/dev/null 2>&1 &\nwhile [ $(wc -c < $so) -lt 9000 ]; do :; done",
    ),
  ).toEqual(CREATED);
  const [{ path, sha256 }] = (await describePlugin()).files;
  expect(sha256).toBe(sha256Of(await readFile(join(server.base, path))));
});

test("a script that leaves the files alone, or writes elsewhere, is as before", async ({
  start,
  install,
  describePlugin,
  server,
}) => {
  await start();
  expect(
    await install("cp $so copy; touch $so; mkdir -p ../../../../etc/sinks/own; echo 1 > ../../../../etc/sinks/own/x"),
  ).toEqual(CREATED);
  expect(await describePlugin()).toMatchObject({ verified: { signature: { key: "vendor.pub" } } });
  expect(await readFile(join(server.base, "etc/sinks/own/x"), "utf8")).toBe("1\n");
});
