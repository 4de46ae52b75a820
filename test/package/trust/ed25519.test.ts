import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { PluginError } from "../../../src/domain/errors.ts";
import { createTrust } from "../../../src/package/trust/trust.ts";
import { parseTrustedKey } from "../../../src/package/trust/trusted-key.ts";
import { writeTrusted } from "../../support/signing.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog } from "../../support/test-log.ts";

/** The order of the group, from RFC 8032. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

let folder: string;
beforeEach(async () => {
  folder = await tempFolder();
});

/** Whether the signature of a zip with this content is verified where `key` is the only trusted key. */
async function accepts(key: KeyObject, message: Buffer, signature: Buffer): Promise<boolean> {
  const zip = join(folder, "x.zip");
  await writeFile(zip, message);
  await writeTrusted(join(folder, "trust/a.pub"), pem(key));
  const config = { require: true, requireStatement: false, maxEd25519Bytes: 1_000_000, maxStatementBytes: 65_536 };
  const trust = createTrust({ folder: join(folder, "trust"), config, log: testLog().log });
  try {
    await trust.verify(zip, signature, new AbortController().signal);
    return true;
  } catch (error) {
    if (error instanceof PluginError && error.code === "SIGNATURE_INVALID") return false;
    throw error;
  }
}

function pem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

function asKey(point: Uint8Array): KeyObject {
  const x = Buffer.from(point).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

it("takes what OpenSSL makes, of every length", async () => {
  for (const length of [0, 1, 31, 63, 64, 65, 127, 128, 129, 1000, 4096, 70_000]) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const message = randomBytes(length);
    const signature = sign(null, message, privateKey);
    expect(await accepts(publicKey, message, signature)).toBe(true);
    expect(await accepts(publicKey, Buffer.concat([message, Buffer.alloc(1)]), signature)).toBe(false);
    expect(await accepts(generateKeyPairSync("ed25519").publicKey, message, signature)).toBe(false);
  }
});

it("takes the tests of RFC 8032", async () => {
  // 7.1: TEST 1, TEST 3
  for (const [key, message, signature] of [
    [
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
  ] as const) {
    expect(await accepts(asKey(hex(key)), hex(message), hex(signature))).toBe(true);
  }
});

it("refuses what OpenSSL refuses: changed bits, in hundreds of signatures", async () => {
  for (let round = 0; round < 300; round++) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const message = randomBytes(round);
    const signature = sign(null, message, privateKey);
    const bit = (round * 37) % 512;
    signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await accepts(publicKey, message, signature)).toBe(verify(null, message, publicKey, signature));
    expect(await accepts(publicKey, message, signature)).toBe(false);
  }
});

it("refuses an S that is not reduced, which would be a second signature of the same message", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = Buffer.from("zip");
  const signature = sign(null, message, privateKey);
  const s = numberOf(signature.subarray(32));
  for (let more = s + L; more < 2n ** 256n; more += L) {
    const changed = Buffer.concat([signature.subarray(0, 32), bytesOf(more)]);
    expect(await accepts(publicKey, message, changed)).toBe(false);
    expect(verify(null, message, publicKey, changed)).toBe(false);
  }
  for (const edge of [L - 1n, L, L + 1n, 2n ** 256n - 1n]) {
    expect(await accepts(publicKey, message, Buffer.concat([signature.subarray(0, 32), bytesOf(edge)]))).toBe(false);
  }
});

/** All points of an order that divides 8, encoded. */
const SMALL_POINTS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(hex);

it("refuses keys of small order, by which one signature fits many messages", async () => {
  let acceptedByOpenSsl = 0;
  for (const key of SMALL_POINTS.map(asKey)) {
    for (const r of SMALL_POINTS) {
      for (let n = 0; n < 4; n++) {
        const message = Buffer.from(`any ${n}`);
        const signature = Buffer.concat([r, bytesOf(0n)]);
        if (verify(null, message, key, signature)) acceptedByOpenSsl += 1;
        expect(await accepts(key, message, signature)).toBe(false);
      }
    }
  }
  // Else the signatures above prove nothing. The OpenSSL of later versions of Node refuses them itself.
  if (process.versions.openssl.startsWith("3.0.")) expect(acceptedByOpenSsl).toBeGreaterThan(0);
});

it("refuses a key of small order when it is read, in each of its encodings", () => {
  const sign = 1n << 255n;
  const notReduced = [P, P + 1n, P | sign, (P + 1n) | sign, 1n | sign, (P - 1n) | sign].map(bytesOf);
  for (const point of [...SMALL_POINTS, ...notReduced]) {
    expect(() => parseTrustedKey("a.pub", pem(asKey(point)))).toThrow(
      "has an Ed25519 key of small order, with which anybody can sign",
    );
  }
});

it("refuses keys and R that are not in their one right form", async () => {
  const message = Buffer.from("zip");
  const zeroS = bytesOf(0n);
  // y = 1 is the neutral point; p + 1 is the same number, and x = 0 has no sign.
  const neutral = [bytesOf(1n), bytesOf(P + 1n), bytesOf(1n | (1n << 255n)), bytesOf((P + 1n) | (1n << 255n))];
  for (const a of neutral) {
    for (const r of neutral) expect(await accepts(asKey(a), message, Buffer.concat([r, zeroS]))).toBe(false);
  }
  const { publicKey } = generateKeyPairSync("ed25519");
  for (const r of neutral) expect(await accepts(publicKey, message, Buffer.concat([r, zeroS]))).toBe(false);
});

it("is as strict as OpenSSL about parts of small order, where the curve's cofactor would hide them", async () => {
  // Signatures as a dishonest signer makes them: the private number is known, and a small point is added to A or to R.
  for (const [key, message, signature] of [
    [
      "1284308e43c19f866d294a32206528eb783522d22ac6da2b43612ed3e8e62a1d",
      "zip 0",
      "72e6529f8c273f1fc66688cf15ab63195702c173034b6346c210131b79979127c0425ab315b8da3fb0a98b419a73cd1c3ba35edbff82e5478c6ab989fc5d790c",
    ],
    [
      "a29bbd5c9a509ee020ab95d1e5afddf95c4cbc48f0f8e607ace497e73fd4d7d1",
      "zip 1",
      "ecd9a4c1fc4d253d41d73b3a5cda7189f8a6dab07ef3a359c1e567a765dd291cb3f6d4f79a36b7b0c0a020c5b0efcb428458424cdd10d1d0d16837812d3c8308",
    ],
  ] as const) {
    expect(await accepts(asKey(hex(key)), Buffer.from(message), hex(signature))).toBe(false);
  }
});

it("refuses signatures of another length", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = Buffer.from("zip");
  const signature = sign(null, message, privateKey);
  for (const other of [signature.subarray(0, 63), Buffer.concat([signature, Buffer.alloc(1)]), Buffer.alloc(0)]) {
    expect(await accepts(publicKey, message, other)).toBe(false);
  }
});

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}
