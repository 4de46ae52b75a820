import { createHash } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { asCosignWrites, makeSigner, type Signer, writeTrusted } from "../support/signing.ts";

/** Which zips are let in, and what is told of them. (Kinds of keys and signatures are tested in test/install.) */

const ZIP = pluginZip({ type: "sinks", name: "file" });
const NEWER = pluginZip({ type: "sinks", name: "file", version: "2.0.0" });
const sha256Of = (zip: Buffer) => createHash("sha256").update(zip).digest("hex");

const test = stoppedServerTest
  .extend("vendor", ({ folder }) => makeSigner(folder, "ecdsa"))
  .extend("start", ({ server, vendor }) => async ({ require = false, trusted = true } = {}): Promise<void> => {
    await server.start({ TRUST__REQUIRE: String(require) });
    if (trusted) await writeTrusted(join(server.base, "etc/trust/vendor.pub"), vendor.publicPem);
  })
  .extend("signatureOf", ({ vendor, folder }) => async (zip: Buffer, signer = vendor): Promise<Buffer> => {
    const file = join(folder, "signed.zip");
    await writeFile(file, zip);
    return signer.sign(file);
  })
  .extend("sinks", ({ server }) => (rest = "") => {
    return `${server.url}/plugins/sinks${rest}`;
  })
  .extend("serve", ({ host }) => (zip: Buffer) => {
    return host.serve("/file.zip", zip);
  })
  .extend("verified", ({ sinks }) => async () => {
    return JSON.parse((await send(sinks("/file"))).text).verified;
  })
  .extend("rollback", ({ sinks }) => () => {
    return post(sinks("/file/rollback"), undefined);
  })
  .extend("present", ({ sinks }) => async () => {
    return JSON.parse((await send(sinks("/file"))).text).version;
  });

const BY_VENDOR = {
  key: "vendor.pub",
  algorithm: "ecdsa-p256-sha256",
  fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
};
const REFUSED = "sinks plugins create command error: ";

describe("sha256", () => {
  test("of the zip is accepted, and reported", async ({ start, sinks, serve, verified }) => {
    await start();
    expect((await post(sinks(), { name: "file", file: serve(ZIP), sha256: sha256Of(ZIP).toUpperCase() }))[0]).toBe(201);
    expect(await verified()).toEqual({ sha256: true });
  });

  test("of another zip is refused before anything is unpacked", async ({ start, sinks, serve, server }) => {
    await start();
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), sha256: sha256Of(NEWER) });
    expect(status).toBe(400);
    expect(text).toContain(sha256Of(ZIP));
    expect(text).toContain(sha256Of(NEWER));
    expect(server.logged.filter(({ stage }) => stage === "unpack" || stage === "check")).toEqual([]);
  });

  test.for(["abc", `${"0".repeat(63)}g`, 5])("%j is no sha256", async (sha256, { start, sinks, serve }) => {
    await start();
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), sha256 });
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(/^Invalid body: .*field sha256 should be 64 hexadecimal/),
    ]);
  });

  test("holds for uploads and updates too", async ({ start, sinks, serve }) => {
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
  test("in the body is verified", async ({ start, signatureOf, sinks, serve, verified, server }) => {
    await start();
    const signature = (await signatureOf(ZIP)).toString("base64");
    expect((await post(sinks(), { name: "file", file: serve(ZIP), signature }))[0]).toBe(201);
    expect(await verified()).toEqual({ signature: BY_VENDOR });
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "audit", action: "install", verified: { signature: BY_VENDOR } }),
    );
  });

  test("beside the zip is fetched and verified", async ({ start, host, signatureOf, sinks, serve, verified }) => {
    await start();
    host.serve("/file.zip.sig", asCosignWrites(await signatureOf(ZIP)));
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(201);
    expect(await verified()).toEqual({ signature: BY_VENDOR });
  });

  test("of another zip is refused, required or not", async ({ start, signatureOf, sinks, serve, server }) => {
    await start();
    const signature = (await signatureOf(NEWER)).toString("base64");
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), signature });
    expect([status, text]).toEqual([400, expect.stringContaining(REFUSED)]);
    expect(await ask(sinks())).toEqual([200, "[]"]);
    expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", result: "SIGNATURE_INVALID" }));
  });
});

describe("trust.require", () => {
  test("refuses what is not signed: downloads, uploads and updates", async ({
    start,
    sinks,
    serve,
    signatureOf,
    server,
  }) => {
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

  test("refuses everything while there is no key", async ({ start, host, signatureOf, sinks, serve }) => {
    await start({ require: true, trusted: false });
    host.serve("/file.zip.sig", await signatureOf(ZIP));
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(400);
  });

  test("refuses a rollback to a version that was not signed", async ({ start, sinks, serve, signatureOf, server }) => {
    await start();
    await post(sinks(), { name: "file", file: serve(ZIP) });
    const signature = (await signatureOf(NEWER)).toString("base64");
    expect((await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), signature } }))[0]).toBe(200);
    await server.start({ TRUST__REQUIRE: "true" });
    const [status, text] = await post(sinks("/file/rollback"), undefined);
    expect(status).toBe(400);
    expect(text).toMatch(/version 1\.0\.0 was installed without a signature, and trust\.require is set/);
    expect(JSON.parse((await send(sinks("/file"))).text).version).toBe("2.0.0");
  });

  describe("lets a rollback to a signed version", () => {
    const KEY = "etc/trust/vendor.pub";
    const refused = (words: string) => [
      400,
      expect.stringContaining(`version 1.0.0 ${words}, and trust.require is set; install a signed zip with PUT`),
    ];

    test.beforeEach(async ({ start, serve, signatureOf, sinks, folder, server }) => {
      await start({ require: true });
      const signed = async (zip: Buffer, signer?: Signer) => ({
        file: serve(zip),
        signature: (await signatureOf(zip, signer)).toString("base64"),
      });
      expect((await post(sinks(), { name: "file", ...(await signed(ZIP)) }))[0]).toBe(201);
      // The newer one is by the next key, which stays.
      const next = makeSigner(folder, "ed25519");
      await writeTrusted(join(server.base, "etc/trust/next.pub"), next.publicPem);
      expect((await ask(sinks("/file"), { method: "PUT", body: await signed(NEWER, next) }))[0]).toBe(200);
    });

    test("pass while its key is there, and tells the audit of the signature", async ({
      server,
      rollback,
      present,
      verified,
    }) => {
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

    test("fail when its key was withdrawn, after a restart too", async ({ server, rollback, folder, present }) => {
      await rm(join(server.base, KEY));
      const withdrawn = refused("was signed by a key that is no longer in etc/trust (then called vendor.pub)");
      expect(await rollback()).toEqual(withdrawn);
      await writeTrusted(join(server.base, KEY), makeSigner(folder, "ecdsa").publicPem); // another key, of that name
      expect(await rollback()).toEqual(withdrawn);
      await server.start({ TRUST__REQUIRE: "true" });
      expect(await rollback()).toEqual(withdrawn);
      expect(await present()).toBe("2.0.0");
      expect(server.logged).toContainEqual(
        expect.objectContaining({ msg: "audit", result: "SIGNATURE_REQUIRED", verified: { signature: BY_VENDOR } }),
      );
    });
  });
});
