import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SignJWT } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { examine } from "../support/doctor.ts";
import { type Certificate, makeCertificate } from "../support/file-server.ts";
import { makeSigner, writeTrusted } from "../support/signing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { goodClaims, inSeconds, makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

let base: string;
beforeEach(async () => {
  base = await tempFolder();
  await mkdir(join(base, "etc"));
});

const TLS = { BASIC__RESTTLS__CERTFILE: "cert.pem", BASIC__RESTTLS__KEYFILE: "key.pem" };
const HAS_OPENSSL = (await makeCertificate()) !== undefined;

describe.skipIf(!HAS_OPENSSL)("TLS files", () => {
  async function write(certificate: Certificate | undefined, key = certificate?.key): Promise<void> {
    await writeFile(join(base, "cert.pem"), certificate?.cert ?? "");
    await writeFile(join(base, "key.pem"), key ?? "", { mode: 0o600 });
  }
  /** Only `openssl ca` takes the times as they are. */
  function lasting(from: string, to: string): Certificate {
    const path = (name: string) => join(base, name);
    const ca = ["database=index.txt", "serial=serial", "new_certs_dir=.", "default_md=sha256", "policy=any"];
    const config = `[ca]\ndefault_ca=own\n[own]\n${ca.join("\n")}\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost\n`;
    writeFileSync(path("ca.cnf"), config);
    writeFileSync(path("index.txt"), "");
    writeFileSync(path("serial"), "01");
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: base, stdio: "pipe" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key"];
    openssl("req", "-new", ...key, "-subj", "/CN=test", "-out", "ca.csr");
    const times = ["-startdate", from, "-enddate", to, "-extensions", "names"];
    openssl(
      "ca",
      "-batch",
      "-selfsign",
      "-notext",
      "-config",
      "ca.cnf",
      "-keyfile",
      "ca.key",
      ...times,
      "-in",
      "ca.csr",
      "-out",
      "ca.pem",
    );
    return { cert: readFileSync(path("ca.pem"), "utf8"), key: readFileSync(path("ca.key"), "utf8") };
  }

  const look = async (settings = {}) => (await examine(base, { settings: { ...TLS, ...settings } })).of("tls-files");

  test("that fit and last are fine", async () => {
    await write(await makeCertificate(undefined, ["-days", "90"]));
    expect(await look()).toEqual([
      expect.stringMatching(/^ok: the certificate is valid until /),
      "ok: the certificate is for DNS:localhost, IP Address:127.0.0.1",
    ]);
  });

  test("a certificate that ends soon, has ended or is not valid yet", async () => {
    await write(await makeCertificate()); // for two days
    expect((await look())[0]).toMatch(/^warning: the certificate expires on .* -> renew it/);
    await write(lasting("20200101000000Z", "20210101000000Z"));
    expect((await look())[0]).toMatch(/^failure: the certificate has expired on Jan {2}1 00:00:00 2021 GMT -> renew/);
    await write(lasting("20900101000000Z", "20910101000000Z"));
    expect((await look())[0]).toMatch(/^failure: the certificate is valid from Jan {2}1 00:00:00 2090 GMT on -> check/);
  });

  test("a key of another certificate, one that everybody can read, and names that don't fit", async () => {
    const [one, other] = [await makeCertificate(), await makeCertificate()];
    await write(one, other?.key);
    expect(await look()).toContainEqual(
      expect.stringMatching(/^failure: the private key is not that of the certificate/),
    );
    await write(one);
    await chmod(join(base, "key.pem"), 0o644);
    const settings = { BASIC__RESTIP: "192.0.2.7", BASIC__AUTHENTICATION: "true" };
    expect(await look(settings)).toEqual([
      expect.stringMatching(/^warning: the certificate expires/),
      expect.stringMatching(/^warning: the certificate is for .*, and not for 192\.0\.2\.7/),
      expect.stringMatching(/^warning: every user can read the private key .*key\.pem -> chmod o-r/),
    ]);
  });

  test.each([
    ["missing", undefined, /can't be read: no such file/],
    ["empty", "", /is not in PEM/],
    ["no PEM", "hello", /is not in PEM/],
  ])("a file that is %s", async (_, content, reason) => {
    await write(await makeCertificate());
    const settings = content === undefined ? { BASIC__RESTTLS__KEYFILE: "gone.pem" } : {};
    if (content !== undefined) await writeFile(join(base, "key.pem"), content);
    expect(await look(settings)).toEqual([expect.stringMatching(new RegExp(`^failure: .*keyfile.*${reason.source}`))]);
  });

  test("one of the two alone", async () => {
    expect(await look({ BASIC__RESTTLS__KEYFILE: "" })).toEqual([
      expect.stringMatching(/^failure: .*keyfile is empty/),
    ]);
  });
});

describe("keys of tokens", () => {
  const look = async () => (await examine(base, { settings: { BASIC__AUTHENTICATION: "true" } })).of("token-keys");
  const key = (name: string, pem: string) => writeKey(join(base, "etc/mgmt", name), pem);

  test("no key at all means that no token is valid", async () => {
    expect(await look()).toEqual([
      expect.stringMatching(/^failure: no token can be valid: there is no public key in .*mgmt/),
    ]);
  });

  test("those that can't be used are named with the reason, beside those that can", async () => {
    await key("ec.pub", makeKeyPair.ES256().publicPem);
    await key("ed.pub", makeKeyPair.EdDSA().publicPem);
    await key("rsa.pub", makeKeyPair.RS256().publicPem);
    await key("small.pub", pem(generateKeyPairSync("rsa", { modulusLength: 1024 })));
    await key("curve.pub", pem(generateKeyPairSync("ec", { namedCurve: "P-384" })));
    await key("private.pub", makeKeyPair.EdDSA().privatePem);
    await key("garbage.pub", "garbage");
    await key("other.txt", "");
    await mkdir(join(base, "etc/mgmt/folder.pub"));
    expect(await look()).toEqual([
      expect.stringMatching(/^warning: .*curve\.pub is not used as a key: it has a key of the kind EC on secp384r1/),
      expect.stringMatching(/^warning: .*folder\.pub is not used as a key: it is not a regular file -> /),
      expect.stringMatching(/^warning: .*garbage\.pub is not used as a key: it has no public key/),
      expect.stringMatching(/^warning: .*other\.txt is not used as a key: it does not end in \.pub/),
      expect.stringMatching(
        /^warning: .*private\.pub is not used as a key: it has no public key \(PEM\), a private key/,
      ),
      expect.stringMatching(/^warning: .*small\.pub is not used as a key: it has an RSA key of 1024 bits/),
      expect.stringMatching(/^ok: 3 issuers of tokens in /),
    ]);
  });

  test("are not looked at where no token is asked for", async () => {
    await key("garbage.pub", "garbage");
    expect((await examine(base)).of("token-keys")).toEqual([expect.stringMatching(/^skipped: /)]);
  });
});

describe("a token", () => {
  const pair = makeKeyPair.EdDSA();
  beforeEach(() => writeKey(join(base, "etc/mgmt/dashboard.pub"), pair.publicPem));

  async function look(token: string, mode = 0o600) {
    const tokenFile = join(base, "token");
    await writeFile(tokenFile, `${token}\n`, { mode });
    return (await examine(base, { settings: { BASIC__AUTHENTICATION: "true" }, tokenFile })).of("token");
  }

  test("that is good: who signed it, what it may do, how long", async () => {
    const exp = inSeconds(30 * 86_400);
    expect(await look(await signToken(pair, { exp }))).toEqual([
      "ok: of alice, signed with the key of dashboard; it may read and write",
      `ok: the token expires at ${new Date(exp * 1000).toISOString()}`,
    ]);
    expect((await look(await signToken(pair, { exp, scope: "read" })))[0]).toMatch(/it may read alone$/);
    expect(await look(`Bearer ${await signToken(pair, { exp })}`)).toEqual([
      expect.stringMatching(/^ok: of alice/), // as the other commands take it
      expect.stringMatching(/^ok: the token expires at /),
    ]);
  });

  test("that ends soon, or that everybody can read", async () => {
    expect(await look(await signToken(pair), 0o644)).toEqual([
      expect.stringMatching(/^warning: every user can read .*token -> chmod o-r/),
      expect.stringMatching(/^ok: of alice/),
      expect.stringMatching(/^warning: the token expires at /),
    ]);
  });

  test("that has expired, that another key signed, without exp, or that is none", async () => {
    const exp = inSeconds(-600);
    expect(await look(await signToken(pair, { exp }))).toEqual([
      expect.stringMatching(
        new RegExp(`^failure: the token is refused: .*it has expired at ${new Date(exp * 1000).toISOString()}`),
      ),
    ]);
    expect(await look(await signToken(makeKeyPair.EdDSA()))).toEqual([
      expect.stringMatching(/^failure: the token is refused: signature/),
    ]);
    expect(
      await look(
        await new SignJWT(goodClaims({ exp: undefined })).setProtectedHeader({ alg: "EdDSA" }).sign(pair.privateKey),
      ),
    ).toEqual([expect.stringMatching(/^failure: the token is refused: .*exp/)]);
    expect(await look("hello")).toEqual([expect.stringMatching(/^failure: the token is refused/)]);
  });

  test("whose file is missing", async () => {
    expect((await examine(base, { tokenFile: "/nowhere/token" })).of("token")).toEqual([
      "failure: /nowhere/token can't be read: no such file or directory -> give a file with a token",
    ]);
  });
});

describe("trusted keys", () => {
  test("that can't be used are named with the reason", async () => {
    const folder = await tempFolder();
    await writeTrusted(join(base, "etc/trust/good.pub"), makeSigner(folder, "ecdsa").publicPem);
    await writeTrusted(join(base, "etc/trust/secret.pem"), makeSigner(folder, "ecdsa").privatePem);
    expect((await examine(base)).of("trust-keys")).toEqual([
      expect.stringMatching(/^warning: .*secret\.pem: .*it has a private key, which must not be on this machine/),
      expect.stringMatching(/^ok: 1 key in /),
    ]);
  });

  test("that are required and missing are a failure", async () => {
    expect((await examine(base, { settings: { TRUST__REQUIRE: "true" } })).of("trust-keys")).toEqual([
      expect.stringMatching(/^failure: no plugin can be installed: trust\.require is true, and no key is in /),
    ]);
  });
});

describe("who can reach the server", () => {
  test.each([
    [{}, /^ok: only programs on this machine/],
    [{ BASIC__RESTIP: "0.0.0.0" }, /^failure: everybody who reaches 0\.0\.0\.0 can install plugins/],
    [{ BASIC__RESTIP: "0.0.0.0", BASIC__AUTHENTICATION: "true" }, /^warning: tokens are sent unencrypted/],
  ])("%j", async (settings, expected) => {
    expect((await examine(base, { settings: settings as Record<string, string> })).of("exposure")).toEqual([
      expect.stringMatching(expected),
    ]);
  });
});

function pem({ publicKey }: { publicKey: import("node:crypto").KeyObject }): string {
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}
