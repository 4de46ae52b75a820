import { constants, createPrivateKey, sign } from "node:crypto";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Config } from "../../../src/config/schema.ts";
import { createTrust, type Trust } from "../../../src/package/trust/trust.ts";
import { someBytes } from "../../support/downloading.ts";
import {
  asCosignWrites,
  fingerprintOf,
  makeSigner,
  type Signer,
  type SignerKind,
  writeTrusted,
} from "../../support/signing.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog } from "../../support/test-log.ts";

const never = new AbortController().signal;
const ALGORITHMS = { ecdsa: "ecdsa-p256-sha256", ed25519: "ed25519", rsa: "rsa-sha256" } as const;
const KINDS = Object.keys(ALGORITHMS) as SignerKind[];
const ZIP = someBytes(1_300_001);

let signers: Record<SignerKind, Signer>;
let strangers: Record<SignerKind, Signer>;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "plugin-server-keys-"));
  const all = () => Object.fromEntries(KINDS.map((kind) => [kind, makeSigner(folder, kind)])) as typeof signers;
  signers = all();
  strangers = all();
  return () => rm(folder, { recursive: true });
});

let zip: string;
let trusted: string;
let trust: Trust;
beforeEach(async () => {
  const folder = await tempFolder();
  zip = join(folder, "x.zip");
  await writeFile(zip, ZIP);
  trusted = join(folder, "trust");
  trust = trustWith({ require: false, requireStatement: false, maxEd25519Bytes: 2 ** 27, maxStatementBytes: 65_536 });
});

const trustWith = (config: Config["trust"]) => createTrust({ folder: trusted, config, log: testLog().log });
const verify = (signature: Buffer | string) => trust.verify(zip, Buffer.from(signature), never);
const trustAll = async () => {
  for (const kind of KINDS) await writeTrusted(join(trusted, `${kind}.pub`), signers[kind].publicPem);
};
const refusal = (message: string | RegExp) => ({
  code: "SIGNATURE_INVALID",
  message: typeof message === "string" ? message : expect.stringMatching(message),
});

describe.each(KINDS)("a signature of openssl by %s", (kind) => {
  beforeEach(trustAll);

  it.each([
    ["as it is", (signature: Buffer) => signature],
    ["as cosign writes it", asCosignWrites],
    ["in base64 of many lines", (bytes: Buffer) => Buffer.from(bytes.toString("base64").replace(/.{40}/g, "$&\r\n"))],
    ["in base64 of base64", (bytes: Buffer) => Buffer.from(asCosignWrites(bytes).toString("base64"))],
    ["in a bundle of cosign", (bytes: Buffer) => bundle({ messageSignature: { signature: bytes.toString("base64") } })],
    ["in UTF-16, as PowerShell writes it", (bytes: Buffer) => utf16(asCosignWrites(bytes).toString())],
    ["in UTF-8 with a byte order mark", (bytes: Buffer) => Buffer.from(`\ufeff${bytes.toString("base64")}`)],
    ["in an old bundle of cosign", (bytes: Buffer) => bundle({ base64Signature: bytes.toString("base64") })],
  ])("fits %s", async (_, form) => {
    const signature = signers[kind].sign(zip);
    expect(signers[kind].accepts(zip, signature)).toBe(true);
    const fingerprint = fingerprintOf(signers[kind].publicPem);
    expect(await verify(form(signature))).toEqual({ key: `${kind}.pub`, algorithm: ALGORITHMS[kind], fingerprint });
  });

  it("counts as long as the key is there, under whatever name", async () => {
    const { fingerprint } = await verify(signers[kind].sign(zip));
    expect(await trust.isTrusted(fingerprint)).toBe(true);
    await rename(join(trusted, `${kind}.pub`), join(trusted, "other.pem"));
    expect(await trust.isTrusted(fingerprint)).toBe(true);
    await rm(join(trusted, "other.pem"));
    await writeTrusted(join(trusted, `${kind}.pub`), strangers[kind].publicPem);
    expect(await trust.isTrusted(fingerprint)).toBe(false);
    await rm(trusted, { recursive: true });
    expect(await trust.isTrusted(fingerprint)).toBe(false);
  });

  it("does not fit by another key of its kind", async () => {
    await expect(verify(strangers[kind].sign(zip))).rejects.toMatchObject(
      refusal(
        "the signature fits none of the 3 public keys in etc/trust, of which 1 make signatures of its form; " +
          "sign this very zip, or put the signer's public key (PEM) there",
      ),
    );
  });

  it("does not fit a zip with one bit changed, one byte less or one more", async () => {
    const signature = signers[kind].sign(zip);
    for (const at of [0, 700_000, ZIP.length - 1]) {
      const changed = Buffer.from(ZIP);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(zip, changed);
      await expect(verify(signature)).rejects.toMatchObject(refusal(/fits none/));
    }
    for (const other of [
      ZIP.subarray(1),
      ZIP.subarray(0, -1),
      Buffer.concat([ZIP, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      await writeFile(zip, other);
      await expect(verify(signature)).rejects.toMatchObject(refusal(/fits none/));
    }
    await writeFile(zip, ZIP);
    await verify(signature);
  });

  it("does not fit with any of its bits changed", async () => {
    await writeFile(zip, "small");
    const signature = signers[kind].sign(zip);
    await verify(signature);
    for (let bit = 0; bit < signature.length * 8; bit += 3) {
      const changed = Buffer.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(verify(changed)).rejects.toMatchObject(refusal(/fits none|malformed/));
    }
  });

  it("does not fit when it is cut or has more after it", async () => {
    const signature = signers[kind].sign(zip);
    for (const changed of [signature.subarray(0, -1), Buffer.concat([signature, Buffer.alloc(1)])]) {
      await expect(verify(changed)).rejects.toMatchObject(refusal(/fits none/));
    }
  });

  it("fits by the same key under two names: the first one is told", async () => {
    await writeTrusted(join(trusted, `a-${kind}.pem`), signers[kind].publicPem);
    expect(await verify(signers[kind].sign(zip))).toMatchObject({ key: `a-${kind}.pem` });
  });
});

it("of ECDSA in the form of JWTs, or with SHA-384, does not fit", async () => {
  await trustAll();
  const key = createPrivateKey(signers.ecdsa.privatePem);
  const jwtForm = sign("sha256", ZIP, { key, dsaEncoding: "ieee-p1363" });
  await expect(verify(jwtForm)).rejects.toMatchObject(refusal(/fits none/));
  await expect(verify(sign("sha384", ZIP, key))).rejects.toMatchObject(refusal(/fits none/));
  await verify(sign("sha256", ZIP, key));
});

it("of RSA with PSS padding or another hash does not fit", async () => {
  await trustAll();
  const key = createPrivateKey(signers.rsa.privatePem);
  const pss = sign("sha256", ZIP, { key, padding: constants.RSA_PKCS1_PSS_PADDING });
  for (const signature of [pss, sign("sha1", ZIP, key), sign("sha512", ZIP, key)]) {
    await expect(verify(signature)).rejects.toMatchObject(refusal(/fits none/));
  }
});

describe("what is no signature", () => {
  const malformed = (reason: string) =>
    refusal(`the signature is malformed: ${reason}. Give what cosign sign-blob or openssl made, as it is or in base64`);

  it.each([
    ["", "it is empty"],
    [" \n", "it is empty"],
    ["<html><body>Sign in</body></html>", "it is text but not base64"],
    ["AAA", "it is text but not base64"],
    ["AAAA=AAA", "it is text but not base64"],
    ["MEUC-_AA", "it is text but not base64"],
    ["{", "it is text but not base64"],
    ["{}", "it is JSON without the signature of a file"],
    ['{"messageSignature":null}', "it is JSON without the signature of a file"],
    ['{"messageSignature":{"signature":7}}', "it is JSON without the signature of a file"],
    ['{"dsseEnvelope":{"payload":"AAAA"}}', "it is JSON without the signature of a file"],
    ['{"base64Signature":"<html>"}', "it is text but not base64"],
    [Buffer.from("just words").toString("base64"), "it is text but not base64"],
    ["A".repeat(16 * 1024 + 1), "it has more than 16384 bytes"],
  ])("%.40j is told as such", async (signature, reason) => {
    await expect(verify(signature)).rejects.toMatchObject(malformed(reason));
  });

  it("fits nothing when it is only bytes", async () => {
    await trustAll();
    for (const bytes of [[0], [255], [0x30], [0x30, 0xff, 0xff], [0x30, 0x80, 0, 0], [0x30, 6, 2, 1, 0, 2, 1, 0]]) {
      await expect(verify(Buffer.from(bytes))).rejects.toMatchObject(refusal(/fits none|malformed/));
    }
    for (const length of [63, 64, 65, 70, 255, 256, 257, 16 * 1024]) {
      for (const fill of [0, 0x80, 0xff]) {
        await expect(verify(Buffer.alloc(length, fill))).rejects.toMatchObject(refusal(/fits none/));
      }
    }
  });
});

describe("the refusal", () => {
  it("says that there are no keys", async () => {
    await expect(verify(signers.ecdsa.sign(zip))).rejects.toMatchObject(
      refusal(
        "the signature can't be checked: there is no public key in etc/trust; put the signer's public key (PEM) there",
      ),
    );
  });

  it("counts the keys", async () => {
    await writeTrusted(join(trusted, "a.pub"), signers.ecdsa.publicPem);
    await expect(verify(strangers.ecdsa.sign(zip))).rejects.toMatchObject(
      refusal(/^the signature fits none of the 1 public key in etc\/trust; sign/),
    );
    await writeTrusted(join(trusted, "b.pub"), strangers.rsa.publicPem);
    await writeTrusted(join(trusted, "c.pub"), signers.rsa.publicPem);
    await expect(verify(signers.ed25519.sign(zip))).rejects.toMatchObject(
      refusal(/^the signature fits none of the 3 public keys in etc\/trust, of which 0 make signatures of its form; /),
    );
  });
});

it("a key counts from the next signature on: added, replaced in place, removed", async () => {
  const file = join(trusted, "release.pub");
  const [first, second] = [signers.ecdsa.sign(zip), strangers.ecdsa.sign(zip)];
  await writeTrusted(file, signers.ecdsa.publicPem);
  await verify(first);
  await writeTrusted(file, strangers.ecdsa.publicPem);
  await verify(second);
  await expect(verify(first)).rejects.toMatchObject(refusal(/fits none/));
  await rm(file);
  await expect(verify(second)).rejects.toMatchObject(refusal(/no public key/));
});

it.each(KINDS)("a check that is cancelled ends with the reason: %s", async (kind) => {
  await trustAll();
  const signature = signers[kind].sign(zip);
  const reason = new Error("enough");
  await expect(trust.verify(zip, signature, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const check = trust.verify(zip, signature, controller.signal);
  controller.abort(reason);
  await expect(check).rejects.toBe(reason);
});

it("a zip over trust.maxEd25519Bytes is refused where the signature is Ed25519, with what to do", async () => {
  await trustAll();
  const maxEd25519Bytes = ZIP.length;
  const exact = trustWith({ require: false, requireStatement: false, maxEd25519Bytes, maxStatementBytes: 65_536 });
  const less = trustWith({
    require: false,
    requireStatement: false,
    maxEd25519Bytes: maxEd25519Bytes - 1,
    maxStatementBytes: 65_536,
  });
  for (const kind of KINDS) {
    const signature = signers[kind].sign(zip);
    expect(await exact.verify(zip, signature, never)).toMatchObject({ key: `${kind}.pub` });
    if (kind !== "ed25519") expect(await less.verify(zip, signature, never)).toMatchObject({ key: `${kind}.pub` });
  }
  await expect(less.verify(zip, signers.ed25519.sign(zip), never)).rejects.toMatchObject(
    refusal(
      "the zip is too large for an Ed25519 signature: it has 1300001 bytes, more than trust.maxEd25519Bytes (1300000) " +
        "allows; sign it with ECDSA P-256 or RSA, or raise trust.maxEd25519Bytes",
    ),
  );
});

it("the zip that was checked is not touched", async () => {
  await trustAll();
  await verify(signers.ed25519.sign(zip));
  expect(ZIP.equals(await readFile(zip))).toBe(true);
});

/** Of a key that was thrown away. What they sign is the text before them. */
const RECORDED_KEYS = {
  ed25519: `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAZVtbaY/417wEPCCZnnR7Ef7j3jtdUMOlMq1zTgDzL6k=
-----END PUBLIC KEY-----
`,
  ecdsa: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmzTH9G9xA6tkPyNRyqzODeOFlu9v
cJIaN79gsxt31UKjAExXBqLQM3Ntm8Mlz1+GOeCKETLzh5VMLCbUGY08XA==
-----END PUBLIC KEY-----
`,
};

describe("a recorded signature that looks like something else", () => {
  it.each<[string, keyof typeof RECORDED_KEYS, string, string]>([
    [
      "Ed25519 that begins like DER",
      "ed25519",
      "zip 73",
      "MG9LsisWRFhMhbi21rw0uRuYqFn6JKq9Msj+TdDRDdptusF+7r0HdZH0Vl/sFPmS38NzEsVQeKefctuivjXADw==",
    ],
    [
      "Ed25519 that begins like DER of its length",
      "ed25519",
      "zip 90550",
      "MD5XUqNdB3M45kudoxVfzuidK6cTFXnEk7QuOdnmlOvYBgKh+KUn8v4xNw4tytfCnfMpMRFCGnciu+TA+WUEDA==",
    ],
    [
      "Ed25519 that begins like JSON",
      "ed25519",
      "zip 52",
      "ex2sWFwOhov8+72v40PNjoxY7/8gDMUD63vWD4Q8Gkk/lePq9sRgIHVtYZ2thTm+Bby73jcnrWq+h4PPBwqzCQ==",
    ],
    [
      "Ed25519 that begins with the mark of UTF-16LE",
      "ed25519",
      "zip 21185",
      "//6Dnmi0c1dcl5/OLbmNhMOFykivWpGuPn2pDd1rG5ngetFwcTYKkGuwEeFruxUSDqJmRIG1PKN2Ryw0lGDVDg==",
    ],
    [
      "Ed25519 that begins with the mark of UTF-16BE",
      "ed25519",
      "zip 2396",
      "/v+xuNV3i0TMUAmfd79GyV3v6C4wLdN7MttgR78oMdtNHkYzY4OPNhOC55uWj1IO4md5L5HHf51FgDTAF4KLBQ==",
    ],
    [
      "ECDSA four bytes shorter than most",
      "ecdsa",
      "m50339",
      "MEICHwPcooDY6vxl8S/7p1OkmFzlcAvY7lf1US1weHUb9a0CHym7Zg6SeV/QOqODWuz/yRVovLWVmkD/rXb6SXO7UlI=",
    ],
  ])("%s fits its key, and has the form of no other", async (_, kind, content, base64) => {
    await writeFile(zip, content);
    const others = KINDS.filter((other) => other !== kind);
    for (const other of others) await writeTrusted(join(trusted, `${other}.pub`), signers[other].publicPem);
    for (const given of [Buffer.from(base64, "base64"), base64]) {
      await expect(verify(given)).rejects.toMatchObject(
        refusal(
          /^the signature fits none of the 2 public keys in etc\/trust, of which 0 make signatures of its form; /,
        ),
      );
    }
    await writeTrusted(join(trusted, `${kind}.pub`), RECORDED_KEYS[kind]);
    for (const given of [Buffer.from(base64, "base64"), base64, utf16(base64)]) {
      expect(await verify(given)).toMatchObject({ key: `${kind}.pub` });
    }
  });
});

function utf16(text: string): Buffer {
  return Buffer.from(`\ufeff${text}`, "utf16le");
}

function bundle(content: object): Buffer {
  return Buffer.from(JSON.stringify({ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", ...content }));
}
