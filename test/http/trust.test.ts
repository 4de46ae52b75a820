import { createHash } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stoppedServerTest } from "../support/fixtures.ts";
import { buildForm, FORM_HEADERS } from "../support/form.ts";
import { ask, post, send } from "../support/http-client.ts";
import { pluginZip } from "../support/plugin-zip.ts";
import { asCosignWrites, makeSigner, type Signer, writeTrusted } from "../support/signing.ts";
import { envelopeOf, statementOf, toBytes } from "../support/statements.ts";

/** Which zips are let in, and what is told of them. (Kinds of keys and signatures are tested in test/install.) */

const ZIP = pluginZip({ type: "sinks", name: "file" });
const NEWER = pluginZip({ type: "sinks", name: "file", version: "2.0.0" });
const sha256Of = (zip: Buffer) => createHash("sha256").update(zip).digest("hex");

interface StartOptions {
  readonly require?: boolean;
  readonly requireStatement?: boolean;
  readonly maxStatementBytes?: number;
  readonly trusted?: boolean;
}

const test = stoppedServerTest
  .extend("vendor", ({ folder }) => makeSigner(folder, "ecdsa"))
  .extend("start", ({ server, vendor }) => async (options: StartOptions = {}): Promise<void> => {
    const { require = false, requireStatement = false, maxStatementBytes = 65_536, trusted = true } = options;
    await server.start({
      TRUST__REQUIRE: String(require),
      TRUST__REQUIRESTATEMENT: String(requireStatement),
      TRUST__MAXSTATEMENTBYTES: String(maxStatementBytes),
    });
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

    test("fail when its .so was replaced by hand before it was kept", async ({
      server,
      rollback,
      sinks,
      serve,
      signatureOf,
    }) => {
      expect((await rollback())[0]).toBe(200);
      await writeFile(join(server.base, "plugins/sinks/File@v1.0.0.so"), "by hand");
      const signature = (await signatureOf(NEWER)).toString("base64");
      expect((await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), signature } }))[0]).toBe(200);
      const [status, text] = await rollback();
      expect([status, text]).toEqual(refused("was installed without a signature"));
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

const FILE_PLUGIN = { type: "sinks", name: "file", version: "1.0.0" };

describe("a signed statement", () => {
  const it = test.extend("statementOf", ({ vendor }) => (zip: Buffer, predicate: object = FILE_PLUGIN): Buffer => {
    return toBytes(envelopeOf(statementOf(zip, predicate), vendor));
  });
  const PROVEN = { signature: BY_VENDOR, statement: FILE_PLUGIN };
  const zipHeaders = { "content-type": "application/zip" };

  it("is proof enough: in the body, in a form, beside the zip, in the query of an upload", async ({
    start,
    statementOf,
    sinks,
    serve,
    host,
    verified,
    server,
  }) => {
    const statement = statementOf(ZIP);
    const base64 = statement.toString("base64");
    const ways: [string, () => Promise<[number, string]>][] = [
      ["body", () => post(sinks(), { name: "file", file: serve(ZIP), statement: base64 })],
      [
        "form",
        () => {
          const body = buildForm([
            { name: "name", content: "file" },
            { name: "statement", content: statement, fileName: "file.zip.intoto.jsonl", type: "application/json" },
            { name: "file", content: ZIP, fileName: "file.zip", type: "application/zip" },
          ]);
          return ask(sinks(), { method: "POST", headers: FORM_HEADERS, body });
        },
      ],
      [
        "query",
        () => ask(`${sinks()}?name=file&statement=${base64}`, { method: "POST", headers: zipHeaders, body: ZIP }),
      ],
      [
        "beside",
        () => {
          host.serve("/file.zip.intoto.jsonl", statement);
          return post(sinks(), { name: "file", file: serve(ZIP) });
        },
      ],
    ];
    for (const [way, install] of ways) {
      await start({ requireStatement: true });
      expect([way, ...(await install())]).toEqual([way, 201, "sinks plugin file is created"]);
      expect(await verified()).toEqual(PROVEN);
      expect(server.logged).toContainEqual(
        expect.objectContaining({ msg: "audit", action: "install", verified: PROVEN }),
      );
      await start({ requireStatement: true }); // what is in the registry
      expect(await verified()).toEqual(PROVEN);
      await ask(sinks("/file"), { method: "DELETE" });
    }
  });

  it("is refused over trust.maxStatementBytes, which the refusal names, however it comes", async ({
    start,
    statementOf,
    sinks,
    serve,
    host,
  }) => {
    const statement = Buffer.concat([statementOf(ZIP), Buffer.alloc(3000, " ")]);
    const base64 = statement.toString("base64");
    const inForm = buildForm([
      { name: "name", content: "file" },
      { name: "statement", content: statement, fileName: "file.zip.intoto.jsonl", type: "application/json" },
      { name: "file", content: ZIP, fileName: "file.zip", type: "application/zip" },
    ]);
    const ways: [string, () => Promise<[number, string]>][] = [
      ["body", () => post(sinks(), { name: "file", file: serve(ZIP), statement: base64 })],
      ["form", () => ask(sinks(), { method: "POST", headers: FORM_HEADERS, body: inForm })],
      [
        "beside",
        () => {
          host.serve("/file.zip.intoto.jsonl", statement);
          return post(sinks(), { name: "file", file: serve(ZIP) });
        },
      ],
    ];
    for (const [way, install] of ways) {
      await start({ requireStatement: true, maxStatementBytes: 2048 });
      expect([way, ...(await install())]).toEqual([way, 400, expect.stringContaining("(trust.maxStatementBytes)")]);
      await start({ requireStatement: true, maxStatementBytes: 65_536 });
      expect([way, ...(await install())]).toEqual([way, 201, "sinks plugin file is created"]);
      await ask(sinks("/file"), { method: "DELETE" });
    }
  });

  it("is preferred to a signature of the bytes, but does not excuse a wrong one of the request", async ({
    start,
    statementOf,
    signatureOf,
    sinks,
    serve,
    host,
    verified,
  }) => {
    await start({ require: true });
    host.serve("/file.zip.sig", await signatureOf(ZIP));
    host.serve("/file.zip.intoto.jsonl", statementOf(ZIP));
    const statement = statementOf(ZIP).toString("base64");
    const signature = (await signatureOf(NEWER)).toString("base64");
    const [status, text] = await post(sinks(), { name: "file", file: serve(ZIP), statement, signature });
    expect([status, text]).toEqual([400, expect.stringContaining("the signature fits none")]);
    expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(201);
    expect(await verified()).toEqual(PROVEN);
  });

  describe("that is wrong is refused, required or not, and by an inspection too", () => {
    it.for<[what: string, zip: Buffer, predicate: object, message: string]>([
      [
        "another name",
        ZIP,
        { ...FILE_PLUGIN, name: "other" },
        "the plugin sinks/other, but the request is about sinks/file",
      ],
      [
        "another type",
        ZIP,
        { ...FILE_PLUGIN, type: "sources" },
        "the plugin sources/file, but the request is about sinks/file",
      ],
      ["another zip", NEWER, FILE_PLUGIN, "the signed statement is about another zip"],
      [
        "another version",
        ZIP,
        { ...FILE_PLUGIN, version: "2.0.0" },
        "the signed statement is about version 2.0.0, but the zip has File@v1.0.0.so",
      ],
      [
        "no version, where one is named",
        ZIP,
        { ...FILE_PLUGIN, version: "" },
        "the signed statement is about a zip without a version, but the zip has File@v1.0.0.so",
      ],
    ])("%s", async ([, zip, predicate, message], { start, statementOf, signatureOf, sinks, serve, host, server }) => {
      host.serve("/file.zip.sig", await signatureOf(ZIP)); // a good signature of the bytes is no way around it
      const statement = statementOf(zip, predicate);
      for (const require of [false, true]) {
        await start({ require });
        const request = { name: "file", file: serve(ZIP), statement: statement.toString("base64") };
        const refused = [400, expect.stringContaining(message)];
        expect(await post(sinks(), request)).toEqual(refused);
        expect(await post(sinks("/inspect"), request)).toEqual(refused);
        host.serve("/file.zip.intoto.jsonl", statement);
        expect(await post(sinks(), { name: "file", file: serve(ZIP) })).toEqual(refused);
        expect(await ask(sinks())).toEqual([200, "[]"]);
        expect(server.logged).toContainEqual(expect.objectContaining({ msg: "audit", result: "SIGNATURE_INVALID" }));
      }
    });

    it("a stranger's, malformed, or about something else in the request", async ({
      start,
      sinks,
      serve,
      folder,
      vendor,
    }) => {
      await start();
      const wrong = [
        [envelopeOf(statementOf(ZIP, FILE_PLUGIN), makeSigner(folder, "ecdsa")), "fits none of the 1 public key"],
        [{ payload: "" }, "the signed statement is malformed"],
        [
          envelopeOf(statementOf(ZIP, FILE_PLUGIN, { predicateType: "https://slsa.dev/provenance/v1" }), vendor),
          "the signed statement is not about a plugin: its predicateType should be urn:kuiper-plugin-server:plugin:v1",
        ],
      ] as const;
      for (const [envelope, message] of wrong) {
        const statement = toBytes(envelope).toString("base64");
        expect(await post(sinks(), { name: "file", file: serve(ZIP), statement })).toEqual([
          400,
          expect.stringContaining(message),
        ]);
      }
    });
  });

  it("keeps a signed source from being installed as a sink, which a signature of the bytes does not", async ({
    start,
    statementOf,
    signatureOf,
    serve,
    sinks,
    server,
  }) => {
    await start({ require: true });
    const zip = pluginZip({ type: "sources", name: "file" }); // has a yaml too, so it is a good sink
    const stated = statementOf(zip, { type: "sources", name: "file" }).toString("base64");
    const body = { name: "file", file: serve(zip) };
    expect((await post(sinks(), { ...body, statement: stated }))[0]).toBe(400);
    expect((await post(`${server.url}/plugins/sources`, { ...body, statement: stated }))[0]).toBe(201);
    const bare = (await signatureOf(zip)).toString("base64");
    expect((await post(sinks(), { ...body, signature: bare }))[0]).toBe(201);
  });

  it("beside the zip that is a page, or provenance alone, is none", async ({
    start,
    signatureOf,
    vendor,
    sinks,
    serve,
    host,
    verified,
  }) => {
    const provenance = statementOf(ZIP, {}, { predicateType: "https://slsa.dev/provenance/v1" });
    for (const content of [Buffer.from("<html>404</html>"), Buffer.alloc(0), toBytes(envelopeOf(provenance, vendor))]) {
      host.serve("/file.zip.intoto.jsonl", content);
      host.serve("/file.zip.sig", await signatureOf(ZIP));
      await start({ require: true });
      expect((await post(sinks(), { name: "file", file: serve(ZIP) }))[0]).toBe(201);
      expect(await verified()).toEqual({ signature: BY_VENDOR });
      await ask(sinks("/file"), { method: "DELETE" });
      await start({ requireStatement: true });
      expect(await post(sinks(), { name: "file", file: serve(ZIP) })).toEqual([
        400,
        expect.stringMatching(/no signed statement|not about a plugin/),
      ]);
    }
  });

  it("is required by trust.requireStatement: a signature of the bytes is not enough, nor for a rollback", async ({
    start,
    statementOf,
    signatureOf,
    sinks,
    serve,
    rollback,
    present,
    server,
  }) => {
    await start({ require: true });
    const signature = (await signatureOf(ZIP)).toString("base64");
    expect((await post(sinks(), { name: "file", file: serve(ZIP), signature }))[0]).toBe(201);
    await start({ requireStatement: true });
    const bare = (await signatureOf(NEWER)).toString("base64");
    const [status, text] = await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), signature: bare } });
    expect(status).toBe(400);
    expect(text).toMatch(
      /there is no signed statement at .*\/file\.zip\.intoto\.jsonl, and trust\.requireStatement refuses plugins without one\. Sign a statement/,
    );
    const headers = zipHeaders;
    const upload = await ask(`${sinks("/file")}?name=file`, { method: "PUT", body: NEWER, headers });
    expect(upload).toEqual([400, expect.stringContaining("it came without a signed statement")]);
    expect(server.logged.filter(({ result }) => result === "SIGNATURE_REQUIRED")).toHaveLength(2);
    const statement = statementOf(NEWER, { ...FILE_PLUGIN, version: "2.0.0" }).toString("base64");
    expect((await ask(sinks("/file"), { method: "PUT", body: { file: serve(NEWER), statement } }))[0]).toBe(200);
    expect(await rollback()).toEqual([400, expect.stringContaining("was installed without a signed statement")]);
    expect(await present()).toBe("2.0.0");
  });
});

describe("a lower version", () => {
  const it = test.extend("put", ({ sinks, signatureOf, serve }) => async (zip: Buffer, fields: object = {}) => {
    const signature = (await signatureOf(zip)).toString("base64");
    return ask(sinks("/file"), { method: "PUT", body: { file: serve(zip), signature, ...fields } });
  });
  const withVersion = (version: string) => pluginZip({ type: "sinks", name: "file", version });
  const UPDATED = "plugin file is updated and Kuiper must restart for the change to take effect.";

  it("is refused under trust.require, though it is signed, unless the request allows it", async ({
    start,
    sinks,
    serve,
    signatureOf,
    put,
    present,
    server,
  }) => {
    await start({ require: true });
    const signature = (await signatureOf(NEWER)).toString("base64");
    expect((await post(sinks(), { name: "file", file: serve(NEWER), signature }))[0]).toBe(201);
    const refused = [
      400,
      "update sinks plugin file error: version 1.0.0 is lower than the installed version 2.0.0, and trust.require is set; " +
        'send "allowDowngrade": true if you want it\n',
    ];
    for (const fields of [{}, { allowDowngrade: false }, { allowDowngrade: null }, { allowDowngrade: "false" }]) {
      expect(await put(ZIP, fields)).toEqual(refused);
    }
    expect(server.logged).toContainEqual(
      expect.objectContaining({
        msg: "audit",
        action: "update",
        result: "DOWNGRADE_REFUSED",
        verified: { signature: BY_VENDOR },
      }),
    );
    expect(server.logged.filter(({ stage }) => stage === "unpack")).toHaveLength(1); // the first install's
    expect(await put(NEWER)).toEqual([200, UPDATED]); // the same version
    expect(await present()).toBe("2.0.0");
    expect(await put(ZIP, { allowDowngrade: true })).toEqual([200, UPDATED]);
    expect(await present()).toBe("1.0.0");
  });

  it("is allowed by a form and by a query too", async ({ start, sinks, signatureOf, put, present }) => {
    await start({ require: true });
    const signature = (await signatureOf(ZIP)).toString("base64");
    const query = new URLSearchParams({ name: "file", signature });
    const headers = { "content-type": "application/zip" };
    expect((await ask(`${sinks()}?${query}`, { method: "POST", body: ZIP, headers }))[0]).toBe(201);
    expect((await put(NEWER))[0]).toBe(200);
    const upload = (rest: string) => ask(`${sinks("/file")}?${query}${rest}`, { method: "PUT", body: ZIP, headers });
    expect((await upload(""))[0]).toBe(400);
    expect((await upload("&allowDowngrade=false"))[0]).toBe(400);
    expect(await upload("&allowDowngrade=yes")).toEqual([
      400,
      expect.stringContaining("field allowDowngrade should be true or false"),
    ]);
    expect((await upload("&allowDowngrade=true"))[0]).toBe(200);
    expect((await put(NEWER))[0]).toBe(200);
    const form = buildForm([
      { name: "allowDowngrade", content: "true" },
      { name: "signature", content: signature },
      { name: "name", content: "file" },
      { name: "file", content: ZIP, fileName: "file.zip", type: "application/zip" },
    ]);
    expect((await ask(sinks("/file"), { method: "PUT", headers: FORM_HEADERS, body: form }))[0]).toBe(200);
    expect(await present()).toBe("1.0.0");
  });

  it.for<[installed: string, next: string, status: number]>([
    ["1.10.0", "1.9.0", 400],
    ["1.9.0", "1.10.0", 200],
    ["1.0.0", "1.0.0-rc.1", 400],
    ["1.0.0-rc.1", "1.0.0", 200],
    ["1.0.0", "", 400],
    ["", "1.0.0", 200],
    ["1.0.0", "nightly", 400],
    ["nightly", "2.0.0", 400],
  ])(
    "after %j %j is answered with %d",
    async ([installed, next, status], { start, sinks, serve, signatureOf, put }) => {
      await start({ require: true });
      const first = withVersion(installed);
      const signature = (await signatureOf(first)).toString("base64");
      expect((await post(sinks(), { name: "file", file: serve(first), signature }))[0]).toBe(201);
      expect((await put(withVersion(next)))[0]).toBe(status);
      if (status !== 200) expect((await put(withVersion(next), { allowDowngrade: true }))[0]).toBe(200);
    },
  );

  it("than that of a plugin that was copied in by hand is refused too", async ({ start, server, put, present }) => {
    await start({ require: true });
    await writeFile(join(server.base, "plugins/sinks/File@v3.0.0.so"), "by hand");
    expect(await put(NEWER)).toEqual([400, expect.stringContaining("is lower than the installed version 3.0.0")]);
    expect(await present()).toBe("3.0.0");
  });

  it("is installed where signatures are not required, and by a rollback", async ({
    start,
    sinks,
    serve,
    put,
    rollback,
    present,
  }) => {
    await start();
    expect((await post(sinks(), { name: "file", file: serve(NEWER) }))[0]).toBe(201);
    expect((await put(ZIP))[0]).toBe(200);
    await start({ require: true });
    expect((await put(NEWER))[0]).toBe(200);
    expect((await rollback())[0]).toBe(200);
    expect(await present()).toBe("1.0.0");
  });
});
