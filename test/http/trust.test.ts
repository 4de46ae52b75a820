import { createHash } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { asCosignWrites, makeSigner, type Signer, writeTrusted } from "../support/signing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { startZipHost, type ZipHost } from "../support/zip-host.ts";

/** Which zips are let in, and what is told of them. (Kinds of keys and signatures are tested in test/install.) */

const ZIP = pluginZip({ type: "sinks", name: "file" });
const NEWER = pluginZip({ type: "sinks", name: "file", version: "2.0.0" });
const sha256Of = (zip: Buffer) => createHash("sha256").update(zip).digest("hex");

let host: ZipHost;
let server: TestServer;
let folder: string;
let signer: Signer;
beforeEach(async () => {
  host = await startZipHost();
  folder = await tempFolder();
  signer = makeSigner(folder, "ecdsa");
});
afterEach(() => Promise.all([server.close(), host.close()]));

async function start({ require = false, trusted = true } = {}): Promise<void> {
  server = await startTestServer({ settings: { TRUST__REQUIRE: String(require) } });
  if (trusted) await writeTrusted(join(server.base, "etc/trust/vendor.pub"), signer.publicPem);
}

async function signatureOf(zip: Buffer): Promise<Buffer> {
  const file = join(folder, "signed.zip");
  await writeFile(file, zip);
  return signer.sign(file);
}

const sinks = (rest = "") => `${server.url}/plugins/sinks${rest}`;
const serve = (zip: Buffer) => host.serve("/file.zip", zip);
const verified = async () => JSON.parse((await send(sinks("/file"))).text).verified;
const BY_VENDOR = {
  key: "vendor.pub",
  algorithm: "ecdsa-p256-sha256",
  fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
};
const REFUSED = "sinks plugins create command error: ";

describe("sha256", () => {
  test("of the zip is let in, and told", async () => {
    await start();
    expect((await post(sinks(), { name: "file", file: serve(ZIP), sha256: sha256Of(ZIP).toUpperCase() }))[0]).toBe(201);
    expect(await verified()).toEqual({ sha256: true });
  });

  test("of another zip is refused before anything is unpacked", async () => {
    await start();
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), sha256: sha256Of(NEWER) });
    expect(status).toBe(400);
    expect(text).toContain(sha256Of(ZIP));
    expect(text).toContain(sha256Of(NEWER));
    expect(server.logged.filter(({ stage }) => stage === "unpack" || stage === "check")).toEqual([]);
  });

  test.each(["abc", `${"0".repeat(63)}g`, 5])("%j is no sha256", async (sha256) => {
    await start();
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), sha256 });
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(/^Invalid body: .*field sha256 should be 64 hexadecimal/),
    ]);
  });

  test("holds for uploads and updates too", async () => {
    await start();
    const upload = (sha256: string) =>
      ask(`${sinks()}?name=file&sha256=${sha256}`, {
        method: "POST",
        body: ZIP,
        headers: { "content-type": "application/zip" },
      });
    expect((await upload(sha256Of(NEWER)))[0]).toBe(400);
    expect((await upload(sha256Of(ZIP)))[0]).toBe(201);
    const update = (sha256: string) => ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), sha256 } });
    expect((await update(sha256Of(ZIP)))[0]).toBe(400);
    expect((await update(sha256Of(NEWER)))[0]).toBe(200);
  });
});

describe("a signature", () => {
  test("in the body", async () => {
    await start();
    const signature = (await signatureOf(ZIP)).toString("base64");
    expect((await post(sinks(), { name: "file", file: serve(ZIP), signature }))[0]).toBe(201);
    expect(await verified()).toEqual({ signature: BY_VENDOR });
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "audit", action: "install", verified: { signature: BY_VENDOR } }),
    );
  });

  test("beside the zip", async () => {
    await start();
    host.serve("/file.zip.sig", asCosignWrites(await signatureOf(ZIP)));
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(201);
    expect(await verified()).toEqual({ signature: BY_VENDOR });
  });

  test("of another zip is refused, required or not", async () => {
    await start();
    const signature = (await signatureOf(NEWER)).toString("base64");
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), signature });
    expect([status, text]).toEqual([400, expect.stringContaining(REFUSED)]);
    expect(await ask(sinks())).toEqual([200, "[]"]);
    expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", result: "SIGNATURE_INVALID" }));
  });
});

describe("trust.require", () => {
  test("refuses what is not signed: downloads, uploads and updates", async () => {
    await start({ require: true });
    const headers = { "content-type": "application/zip" };
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(400);
    expect((await ask(`${sinks()}?name=file`, { method: "POST", body: ZIP, headers }))[0]).toBe(400);
    const signature = (await signatureOf(ZIP)).toString("base64");
    const query = new URLSearchParams({ name: "file", signature });
    expect((await ask(`${sinks()}?${query}`, { method: "POST", body: ZIP, headers }))[0]).toBe(201);
    expect((await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER) } }))[0]).toBe(400);
    expect(server.logged.filter(({ result }) => result === "SIGNATURE_REQUIRED")).toHaveLength(3);
  });

  test("refuses everything while there is no key", async () => {
    await start({ require: true, trusted: false });
    host.serve("/file.zip.sig", await signatureOf(ZIP));
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(400);
  });

  test("refuses a rollback to a version that was not signed", async () => {
    await start();
    await post(sinks(), { name: "file", file: serve(ZIP) });
    const signature = (await signatureOf(NEWER)).toString("base64");
    expect((await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), signature } }))[0]).toBe(200);
    await server.close({ keep: true });
    server = await startTestServer({ base: server.base, settings: { TRUST__REQUIRE: "true" } });
    const [status, text] = await post(sinks("/file/rollback"), undefined);
    expect(status).toBe(400);
    expect(text).toMatch(/version 1\.0\.0 was installed without a signature, and trust\.require is set/);
    expect(JSON.parse((await send(sinks("/file"))).text).version).toBe("2.0.0");
  });

  describe("lets a rollback to a signed version", () => {
    const KEY = "etc/trust/vendor.pub";
    const rollback = () => post(sinks("/file/rollback"), undefined);
    const present = async () => JSON.parse((await send(sinks("/file"))).text).version;
    const refused = (words: string) => [
      400,
      expect.stringContaining(`version 1.0.0 ${words}, and trust.require is set; install a signed zip with PUT`),
    ];

    beforeEach(async () => {
      await start({ require: true });
      const signed = async (zip: Buffer) => ({
        file: serve(zip),
        signature: (await signatureOf(zip)).toString("base64"),
      });
      expect((await post(sinks(), { name: "file", ...(await signed(ZIP)) }))[0]).toBe(201);
      // The newer one is by the next key, which stays.
      signer = makeSigner(folder, "ed25519");
      await writeTrusted(join(server.base, "etc/trust/next.pub"), signer.publicPem);
      expect((await ask(sinks("/file"), { method: "PUT", body: await signed(NEWER) }))[0]).toBe(200);
    });

    test("pass while its key is there, and tells the audit of the signature", async () => {
      await rename(join(server.base, KEY), join(server.base, "etc/trust/renamed.pub"));
      expect((await rollback())[0]).toBe(200);
      expect(await present()).toBe("1.0.0");
      expect(await verified()).toEqual({ signature: BY_VENDOR });
      expect(server.logged).toContainEqual(
        expect.objectContaining({
          msg: "audit",
          action: "rollback",
          result: "done",
          verified: { signature: BY_VENDOR },
        }),
      );
    });

    test("fail when its key was withdrawn, after a restart too", async () => {
      await rm(join(server.base, KEY));
      const withdrawn = refused("was signed by a key that is no longer in etc/trust (then called vendor.pub)");
      expect(await rollback()).toEqual(withdrawn);
      await writeTrusted(join(server.base, KEY), makeSigner(folder, "ecdsa").publicPem); // another key, of that name
      expect(await rollback()).toEqual(withdrawn);
      await server.close({ keep: true });
      server = await startTestServer({ base: server.base, settings: { TRUST__REQUIRE: "true" } });
      expect(await rollback()).toEqual(withdrawn);
      expect(await present()).toBe("2.0.0");
      expect(server.logged).toContainEqual(
        expect.objectContaining({ msg: "audit", result: "SIGNATURE_REQUIRED", verified: { signature: BY_VENDOR } }),
      );
    });
  });
});
