import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, it } from "vitest";
import { checkEd25519 } from "../../../src/package/trust/verify-file.ts";

const { Point } = ed25519;
/** The order of the group, from RFC 8032. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

/** The message in parts of odd lengths, as a file may come. */
async function accepts(key: KeyObject, message: Buffer, signature: Buffer): Promise<boolean> {
  const check = await checkEd25519(key, signature);
  for (let at = 0, size = 1; at < message.length; at += size, size = (size * 7 + 3) % 4099 || 1) {
    check.update(message.subarray(at, at + size));
  }
  return check.isValid();
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
    const [point, text, given] = [key, message, signature].map((hex) => Buffer.from(hex, "hex")) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    expect(await accepts(asKey(point), text, given)).toBe(true);
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

/** All points of an order that divides 8. */
function smallPoints() {
  const points = [Point.ZERO];
  // A point whose multiple by L is not zero has a part of small order.
  for (let y = 2n; points.length < 8; y++) {
    let point: typeof Point.ZERO;
    try {
      point = Point.fromBytes(bytesOf(y));
    } catch {
      continue;
    }
    const part = point.multiplyUnsafe(L - 1n).add(point);
    for (let sum = part; !points.some((known) => known.equals(sum)); sum = sum.add(part)) points.push(sum);
  }
  return points;
}

it("refuses keys of small order, by which one signature fits many messages", async () => {
  let acceptedByOpenSsl = 0;
  const points = smallPoints();
  expect(points).toHaveLength(8);
  for (const key of points.map((point) => asKey(point.toBytes()))) {
    for (const r of points) {
      for (let n = 0; n < 4; n++) {
        const message = Buffer.from(`any ${n}`);
        const signature = Buffer.concat([r.toBytes(), bytesOf(0n)]);
        if (verify(null, message, key, signature)) acceptedByOpenSsl += 1;
        expect(await accepts(key, message, signature)).toBe(false);
      }
    }
  }
  expect(acceptedByOpenSsl).toBeGreaterThan(0); // else the signatures above prove nothing
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
  // Signatures as a dishonest signer makes them: the private number is known, and a small point is added to R or A.
  let differed = 0;
  for (let n = 0; n < 40; n++) {
    const [a, r] = [numberOf(randomBytes(32)) % L, numberOf(randomBytes(32)) % L];
    const small = smallPoints()[n % 8] ?? Point.ZERO;
    const key = Point.BASE.multiplyUnsafe(a)
      .add(n % 2 === 0 ? small : Point.ZERO)
      .toBytes();
    const bigR = Point.BASE.multiplyUnsafe(r)
      .add(n % 2 === 1 ? small : Point.ZERO)
      .toBytes();
    const message = randomBytes(20);
    const k = numberOf(createHash("sha512").update(bigR).update(key).update(message).digest()) % L;
    const signature = Buffer.concat([bigR, bytesOf((r + k * a) % L)]);
    const strict = verify(null, message, asKey(key), signature);
    expect(await accepts(asKey(key), message, signature)).toBe(strict);
    if (ed25519.verify(signature, message, key, { zip215: false }) !== strict) differed += 1;
  }
  expect(differed).toBeGreaterThan(0);
});

it("refuses signatures of another length", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = Buffer.from("zip");
  const signature = sign(null, message, privateKey);
  for (const other of [signature.subarray(0, 63), Buffer.concat([signature, Buffer.alloc(1)]), Buffer.alloc(0)]) {
    expect(await accepts(publicKey, message, other)).toBe(false);
  }
});
