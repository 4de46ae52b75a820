import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PluginId } from "../../../src/domain/plugin.ts";
import { PREDICATE_TYPE } from "../../../src/package/trust/statement.ts";
import { createTrust, type Trust } from "../../../src/package/trust/trust.ts";
import { fingerprintOf, makeSigner, type Signer, type SignerKind, writeTrusted } from "../../support/signing.ts";
import {
  type EnvelopeJson,
  envelopeOf,
  PAYLOAD_TYPE,
  preAuth,
  sha256Of,
  signPayload,
  signWith,
  statementOf,
  toBytes,
} from "../../support/statements.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog } from "../../support/test-log.ts";

const never = new AbortController().signal;
const ALGORITHMS = { ecdsa: "ecdsa-p256-sha256", ed25519: "ed25519", rsa: "rsa-sha256" } as const;
const KINDS = Object.keys(ALGORITHMS) as SignerKind[];
const ZIP = Buffer.from("a zip");
const ID: PluginId = { type: "sources", name: "random" };
const PREDICATE = { type: "sources", name: "random", version: "1.2.0" };

let signers: Record<SignerKind, Signer>;
let stranger: Signer;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "plugin-server-keys-"));
  signers = Object.fromEntries(KINDS.map((kind) => [kind, makeSigner(folder, kind)])) as typeof signers;
  stranger = makeSigner(folder, "ecdsa");
  return () => rm(folder, { recursive: true });
});

let trusted: string;
let trust: Trust;
beforeEach(async () => {
  trusted = join(await tempFolder(), "trust");
  for (const kind of KINDS) await writeTrusted(join(trusted, `${kind}.pub`), signers[kind].publicPem);
  const config = { require: true, requireStatement: false, maxEd25519Bytes: 1, maxStatementBytes: 65_536 };
  trust = createTrust({ folder: trusted, config, log: testLog().log });
});

const verify = (content: Buffer | object, id = ID, zip = ZIP) => {
  const bytes = Buffer.isBuffer(content) ? content : toBytes(content);
  return trust.verifyStatement(bytes, { id, sha256: sha256Of(zip) }, never);
};
const signed = (changes: object = {}, predicate: unknown = PREDICATE): EnvelopeJson =>
  envelopeOf(statementOf(ZIP, predicate, changes), signers.ecdsa);
const refusal = (message: string | RegExp) => ({
  code: "SIGNATURE_INVALID",
  message: typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
});

it("has the predicate type that the documentation names", () => {
  expect(PREDICATE_TYPE).toBe("urn:kuiper-plugin-server:plugin:v1");
});

describe.each(KINDS)("a statement that is signed by %s", (kind) => {
  it("is proven, with the key and what it states", async () => {
    const envelope = envelopeOf(statementOf(ZIP, PREDICATE), signers[kind]);
    expect(await verify(envelope)).toEqual({
      signature: {
        key: `${kind}.pub`,
        algorithm: ALGORITHMS[kind],
        fingerprint: fingerprintOf(signers[kind].publicPem),
      },
      statement: PREDICATE,
    });
  });

  it("is refused with any other payload, payload type or signature", async () => {
    const payload = toBytes(statementOf(ZIP, PREDICATE));
    const key = createPrivateKey(signers[kind].privatePem);
    const others = [
      signPayload(signers[kind], toBytes(statementOf(ZIP, { ...PREDICATE, name: "other" }))),
      signWith(key, payload), // of the payload alone, as for a file
      signWith(key, preAuth(payload, "application/json")),
      signWith(key, Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE} `), payload])),
      Buffer.alloc(64),
      Buffer.alloc(0),
    ];
    for (const sig of others) {
      const envelope = { ...envelopeOf(payload), signatures: [{ keyid: "", sig: sig.toString("base64") }] };
      await expect(verify(envelope)).rejects.toMatchObject(
        refusal(
          "the signature of the signed statement fits none of the 3 public keys in etc/trust; sign it again, or put",
        ),
      );
    }
  });
});

/** By a private key of 2026-11-26 that was thrown away: bytes that no code of this repository made again. */
it("takes an envelope that was recorded, byte for byte", async () => {
  await writeTrusted(join(trusted, "recorded.pub"), RECORDED.publicKey);
  const zip = Buffer.from("recorded zip\n");
  expect(await verify(Buffer.from(RECORDED.envelope), { type: "sinks", name: "file" }, zip)).toMatchObject({
    signature: { key: "recorded.pub" },
    statement: { type: "sinks", name: "file", version: "1.0.0" },
  });
  const { payload, ...rest } = JSON.parse(RECORDED.envelope);
  const other = Buffer.from(payload, "base64").toString("latin1").replace("1.0.0", "9.0.0");
  const changed = JSON.stringify({ ...rest, payload: Buffer.from(other).toString("base64") });
  await expect(verify(Buffer.from(changed), { type: "sinks", name: "file" }, zip)).rejects.toMatchObject(
    refusal("fits none of the 4 public keys"),
  );
});

describe("is taken", () => {
  it.each<[string, () => Buffer | object]>([
    ["as JSON with white space", () => Buffer.from(`\ufeff ${JSON.stringify(signed(), null, 2)}\n\n`)],
    [
      "in a line of its own after provenance",
      () => lines(signed({ predicateType: "https://slsa.dev/provenance/v1" }), signed()),
    ],
    ["with CRLF", () => Buffer.from(`${JSON.stringify(signed())}\r\n`)],
    [
      "in a bundle of cosign",
      () => ({ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", dsseEnvelope: signed() }),
    ],
    ["in an old bundle of cosign", () => ({ base64Signature: toBytes(signed()).toString("base64"), cert: "" })],
    ["as statement v1", () => signed({ _type: "https://in-toto.io/Statement/v1" })],
    ["with base64url", () => ({ ...signed(), payload: Buffer.from(signed().payload, "base64").toString("base64url") })],
    ["with unknown fields", () => ({ ...signed(), more: 1, signatures: [{ ...signed().signatures[0], cert: "x" }] })],
    ["without key ids", () => ({ ...signed(), signatures: [{ sig: signed().signatures[0]?.sig }] })],
    ["with one of several signatures", () => envelopeOf(statementOf(ZIP, PREDICATE), stranger, signers.ed25519)],
    [
      "with several subjects",
      () => signed({ subject: [{ digest: { sha512: "x" } }, { name: "x" }, ...subjects(ZIP)] }),
    ],
    ["with a digest in upper case", () => signed({ subject: [{ digest: { sha256: sha256Of(ZIP).toUpperCase() } }] })],
    ["with a version with v", () => signed({}, { ...PREDICATE, version: "v1.2.0" })],
    ["with unknown fields of the predicate", () => signed({}, { ...PREDICATE, built: "today" })],
  ])("%s", async (_, make) => {
    expect(await verify(make())).toMatchObject({ statement: PREDICATE });
  });

  it.each([undefined, null])("with the version %s: any version", async (version) => {
    expect((await verify(signed({}, { type: "sources", name: "random", version })))?.statement).toEqual({
      type: "sources",
      name: "random",
    });
  });
});

it("is none of ours with another predicateType: undefined, whoever signed it", async () => {
  for (const predicateType of ["https://slsa.dev/provenance/v1", "", undefined, 1]) {
    expect(await verify(signed({ predicateType }))).toBeUndefined();
  }
});

describe("is refused", () => {
  const malformed = (reason: string) =>
    refusal(
      `the signed statement is malformed: ${reason}. Give the envelope that cosign attest-blob made, see docs/api.md`,
    );
  const LIKE = 'its predicate should be like {"type":"sources","name":"random","version":"1.2.0"}';

  it.each<[string, () => Buffer | object, string]>([
    ["nothing", () => Buffer.alloc(0), "it is empty"],
    ["white space", () => Buffer.from(" \n\n"), "it is empty"],
    ["a page", () => Buffer.from("<html></html>"), "it is not JSON"],
    ["JSON that is cut", () => toBytes(signed()).subarray(0, -1), "it is not JSON"],
    ["a line that is cut", () => Buffer.concat([lines(signed()), toBytes(signed()).subarray(0, 9)]), "it is not JSON"],
    ["null", () => Buffer.from("null"), "it has no payload and signatures"],
    ["a list", () => Buffer.from("[]"), "it has no payload and signatures"],
    ["deep lists", () => Buffer.from("[".repeat(30_000) + "]".repeat(30_000)), "it has no payload and signatures"],
    ["a number", () => Buffer.from("1"), "it has no payload and signatures"],
    ["a bundle of sign-blob", () => ({ messageSignature: { signature: "AAAA" } }), "it has no payload and signatures"],
    ["a statement alone", () => statementOf(ZIP, PREDICATE), "it is a statement without a signature"],
    ["no signatures", () => ({ ...signed(), signatures: [] }), "it has no signature"],
    ["signatures that are none", () => ({ ...signed(), signatures: [1] }), "it has a field that is not base64"],
    [
      "17 signatures",
      () => ({ ...signed(), signatures: Array(17).fill({ sig: "" }) }),
      "it has more than 16 signatures",
    ],
    ["a payload that is no base64", () => ({ ...signed(), payload: "{}" }), "it has a field that is not base64"],
    [
      "another payloadType",
      () => ({ ...signed(), payloadType: "text/plain" }),
      `its payloadType is not ${PAYLOAD_TYPE}`,
    ],
    ["no payloadType", () => ({ ...signed(), payloadType: undefined }), `its payloadType is not ${PAYLOAD_TYPE}`],
    ["a payload that is no JSON", () => envelopeOf(Buffer.from("x"), signers.ecdsa), "its payload is not JSON"],
    [
      "a payload that is null",
      () => envelopeOf(Buffer.from("null"), signers.ecdsa),
      "its payload is no in-toto statement v0.1 or v1",
    ],
    [
      "another _type",
      () => signed({ _type: "https://in-toto.io/Statement/v2" }),
      "its payload is no in-toto statement v0.1 or v1",
    ],
    ["no predicate", () => signed({ predicate: undefined }), LIKE],
    ["a predicate without a name", () => signed({}, { type: "sources" }), LIKE],
    ["an unknown type", () => signed({}, { ...PREDICATE, type: "source" }), LIKE],
    ["a type of all objects", () => signed({}, { ...PREDICATE, type: "__proto__" }), LIKE],
    ["a version that is a number", () => signed({}, { ...PREDICATE, version: 1 }), LIKE],
    ["a base64Signature that is no JSON", () => ({ base64Signature: "AAAA" }), "it is not JSON"],
    [
      "64 KiB and a byte",
      () => Buffer.alloc(64 * 1024 + 1, " "),
      "it has more than 65536 bytes (trust.maxStatementBytes)",
    ],
  ])("%s", async (_, make, reason) => {
    await expect(verify(make())).rejects.toMatchObject(malformed(reason));
  });

  it.each<[string, () => EnvelopeJson, PluginId, string]>([
    [
      "for another name",
      signed,
      { type: "sources", name: "other" },
      "the plugin sources/random, but the request is about sources/other",
    ],
    [
      "for a name in other letters",
      signed,
      { type: "sources", name: "randoM" },
      "but the request is about sources/randoM",
    ],
    [
      "for another type",
      signed,
      { type: "sinks", name: "random" },
      "the plugin sources/random, but the request is about sinks/random",
    ],
    [
      "for another zip",
      () => signed({ subject: subjects(Buffer.from("other")) }),
      ID,
      `about another zip: none of its subjects has the sha256 ${sha256Of(ZIP)}`,
    ],
    ["without subjects", () => signed({ subject: [] }), ID, "about another zip"],
    [
      "with subjects of another kind",
      () => signed({ subject: { digest: { sha256: sha256Of(ZIP) } } }),
      ID,
      "about another zip",
    ],
    [
      "with a digest of another algorithm",
      () => signed({ subject: [{ digest: { sha512: sha256Of(ZIP) } }] }),
      ID,
      "about another zip",
    ],
    [
      "by a stranger",
      () => envelopeOf(statementOf(ZIP, PREDICATE), stranger),
      ID,
      "fits none of the 3 public keys in etc/trust",
    ],
    [
      "by two strangers",
      () => envelopeOf(statementOf(ZIP, PREDICATE), stranger, stranger),
      ID,
      "each of the 2 signatures of the signed statement fits none",
    ],
  ])("%s", async (_, make, id, message) => {
    await expect(verify(make(), id)).rejects.toMatchObject(refusal(message));
  });

  it("by a key that was withdrawn, and without any key", async () => {
    await rm(join(trusted, "ecdsa.pub"));
    await expect(verify(signed())).rejects.toMatchObject(refusal("fits none of the 2 public keys"));
    await rm(trusted, { recursive: true });
    await expect(verify(signed())).rejects.toMatchObject(refusal("there is no public key in etc/trust"));
  });

  it("when the first statement about a plugin is wrong, whatever follows it", async () => {
    const forged = envelopeOf(statementOf(ZIP, PREDICATE), stranger);
    await expect(verify(lines(forged, signed()))).rejects.toMatchObject(refusal("fits none"));
  });

  it("with any bit of the signature changed", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await writeTrusted(join(trusted, "ed.pub"), publicKey.export({ type: "spki", format: "pem" }) as string);
    const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const envelope = envelopeOf(statementOf(ZIP, PREDICATE), { privatePem });
    await verify(envelope);
    const sig = Buffer.from(envelope.signatures[0]?.sig ?? "", "base64");
    for (let bit = 0; bit < sig.length * 8; bit += 7) {
      const changed = Buffer.from(sig);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const forged = { ...envelope, signatures: [{ sig: changed.toString("base64") }] };
      await expect(verify(forged)).rejects.toMatchObject(refusal("fits none"));
    }
  });
});

it("a check that is cancelled ends with the reason", async () => {
  const reason = new Error("enough");
  const envelope = toBytes(envelopeOf(statementOf(ZIP, PREDICATE), stranger));
  const check = trust.verifyStatement(envelope, { id: ID, sha256: sha256Of(ZIP) }, AbortSignal.abort(reason));
  await expect(check).rejects.toBe(reason);
});

function lines(...envelopes: readonly object[]): Buffer {
  return Buffer.from(envelopes.map((envelope) => `${JSON.stringify(envelope)}\n`).join(""));
}

function subjects(zip: Buffer): object[] {
  return [{ name: "x", digest: { sha256: sha256Of(zip) } }];
}

const RECORDED = {
  publicKey:
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH0PGMl9EuUZT9DEZJ1Bbd+qe65rN\nflganXyoiLr4FGT4q5s0MycQyoVtMz7AeDwp4XBPh6Q+1CGgLZ2AEk4y9g==\n-----END PUBLIC KEY-----\n",
  envelope:
    '{"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjAuMSIsInByZWRpY2F0ZVR5cGUiOiJ1cm46a3VpcGVyLXBsdWdpbi1zZXJ2ZXI6cGx1Z2luOnYxIiwic3ViamVjdCI6W3sibmFtZSI6ImZpbGUuemlwIiwiZGlnZXN0Ijp7InNoYTI1NiI6IjI0OGNmMDEzNjYwYzg2YzljYjVhMzZjM2FhZmU0MjVkNWRhYmM4YTVkZGNkZDE4ZGEwMTljN2ViMDkyOWU1OWUifX1dLCJwcmVkaWNhdGUiOnsidHlwZSI6InNpbmtzIiwibmFtZSI6ImZpbGUiLCJ2ZXJzaW9uIjoiMS4wLjAifX0=","signatures":[{"keyid":"","sig":"MEUCIQDLmQhFBu9a+IfUXI+Xn5rIwIZj+01RPoZGvDtjR2fGKgIgeGETGkPQ22g5iywR3qT45YVMsvD+NKaqpEtfymusNlE="}]}',
};
