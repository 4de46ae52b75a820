import { createSecretKey } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SignJWT, UnsecuredJWT } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { PublicKeys } from "../../src/auth/public-keys.ts";
import { checkToken } from "../../src/auth/tokens.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { type Algorithm, goodClaims, inSeconds, makeKeyPair, signToken, writeKey } from "../support/tokens.ts";

const pair = makeKeyPair.EdDSA();
const other = makeKeyPair.EdDSA();

let folder: string;
let keys: PublicKeys;
beforeEach(async () => {
  folder = join(await tempFolder(), "mgmt");
  keys = new PublicKeys(folder);
  await writeKey(join(folder, "dashboard.pub"), pair.publicPem);
});

const check = async (token: string | Promise<string>, access: "read" | "write" = "write") =>
  checkToken(`Bearer ${await token}`, access, keys);

const unauthenticated = (message: unknown = expect.stringMatching(/^the token is refused: /)) =>
  expect.objectContaining({ code: "UNAUTHENTICATED", message });

describe("a good token lets its holder in", () => {
  test.each<Algorithm>(["RS256", "ES256", "EdDSA"])("%s", async (algorithm) => {
    const own = makeKeyPair[algorithm]();
    await writeKey(join(folder, "own.pub"), own.publicPem);
    const holder = await check(signToken(own, { iss: "own" }, algorithm));
    expect(holder).toEqual({ subject: "alice", issuer: "own" });
  });

  test("of several audiences, without a subject, from now on", async () => {
    const token = signToken(pair, { aud: ["other", "eKuiper"], sub: undefined, nbf: inSeconds(0) });
    expect(await check(token)).toEqual({ subject: "dashboard", issuer: "dashboard" });
  });

  test("with the scheme in any case", async () => {
    const token = await signToken(pair);
    expect(await checkToken(`bearer  ${token}`, "write", keys)).toMatchObject({ subject: "alice" });
  });

  test("when the clocks differ by seconds", async () => {
    expect(await check(signToken(pair, { exp: inSeconds(-10), nbf: inSeconds(10) }))).toMatchObject({
      subject: "alice",
    });
  });
});

describe("no token", () => {
  test.each([undefined, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc", "Bearer a b", "Bearer a, Bearer b"])(
    "%j",
    async (header) => {
      const refusal = unauthenticated("a token is needed: send it as `Authorization: Bearer <token>`");
      await expect(checkToken(header, "read", keys)).rejects.toEqual(refusal);
    },
  );

  test("a token without its scheme", async () => {
    await expect(checkToken(await signToken(pair), "read", keys)).rejects.toEqual(
      unauthenticated(expect.stringMatching(/^a token is needed/)),
    );
  });
});

describe("a token is refused", () => {
  test.each(["garbage", "a.b.c", "..", "e30.e30.", "e30.bnVsbA.e30"])("garbage: %s", async (token) => {
    await expect(check(token)).rejects.toEqual(unauthenticated());
  });

  test("whose algorithm is none", async () => {
    await expect(check(new UnsecuredJWT(goodClaims()).encode())).rejects.toEqual(unauthenticated());
  });

  test.each<Algorithm>(["RS256", "EdDSA"])("signed HS256 with the text of the public %s key", async (algorithm) => {
    const own = makeKeyPair[algorithm]();
    await writeKey(join(folder, "dashboard.pub"), own.publicPem);
    for (const secret of [own.publicPem, own.publicPem.trim()]) {
      const signer = new SignJWT(goodClaims()).setProtectedHeader({ alg: "HS256" });
      await expect(check(signer.sign(createSecretKey(Buffer.from(secret))))).rejects.toEqual(unauthenticated());
    }
  });

  test("signed by another key, or changed after it was signed", async () => {
    await expect(check(signToken(other))).rejects.toEqual(unauthenticated());
    const [head, , signature] = (await signToken(pair, { scope: "read" })).split(".");
    const claims = Buffer.from(JSON.stringify(goodClaims())).toString("base64url");
    await expect(check(`${head}.${claims}.${signature}`)).rejects.toEqual(unauthenticated());
  });

  test.each<[what: string, changes: Record<string, unknown>]>([
    ["for another audience", { aud: "other" }],
    ["for an audience in another case", { aud: "ekuiper" }],
    ["without an audience", { aud: undefined }],
    ["expired", { exp: inSeconds(-60) }],
    ["without an expiry", { exp: undefined }],
    ["with an expiry that is text", { exp: "never" }],
    ["of the future", { nbf: inSeconds(600) }],
    ["without an issuer", { iss: undefined }],
    ["of an unknown issuer", { iss: "stranger" }],
    ["of an issuer in another case", { iss: "Dashboard" }],
    ["of an issuer with its ending", { iss: "dashboard.pub" }],
    ["of an issuer that is a list", { iss: ["dashboard"] }],
    ["of an issuer that is a number", { iss: 5 }],
    ["of no issuer", { iss: "" }],
  ])("%s", async (_, changes) => {
    await writeKey(join(folder, "5.pub"), pair.publicPem);
    await expect(check(signToken(pair, changes))).rejects.toEqual(unauthenticated());
  });

  test("whose issuer leads out of the folder", async () => {
    const outside = join(folder, "..", "outside.pub");
    await writeKey(outside, pair.publicPem);
    const escapes = ["../outside", "..\\outside", "./dashboard", "sub/../dashboard", outside.slice(0, -4), "..", "."];
    for (const iss of [...escapes, "dashboard\0", "%2e%2e/outside", "dashboard\n"]) {
      await expect(check(signToken(pair, { iss })), iss).rejects.toEqual(unauthenticated());
    }
  });

  test("whose issuer's key can't be read, without telling where it is", async () => {
    await mkdir(join(folder, "folder.pub"));
    await expect(check(signToken(pair, { iss: "folder" }))).rejects.toEqual(
      unauthenticated("the token is refused: the public key of its issuer can't be read"),
    );
  });

  test("of another algorithm than the key's", async () => {
    await expect(check(signToken(makeKeyPair.ES256(), {}, "ES256"))).rejects.toEqual(unauthenticated());
  });
});

describe("the scope", () => {
  test.each<[scope: unknown, read: boolean, write: boolean]>([
    [undefined, true, true],
    ["read", true, false],
    ["write", true, true],
    ["read write", true, true],
    ["plugins read", true, false],
    ["", false, false],
    ["other", false, false],
    ["readwrite", false, false],
    ["READ", false, false],
    [["read"], false, false],
    [5, false, false],
    [null, false, false],
    [{ read: true }, false, false],
  ])("%j: read %s, write %s", async (scope, read, write) => {
    const token = await signToken(pair, { scope });
    for (const [access, allowed] of [["read", read] as const, ["write", write] as const]) {
      if (allowed) expect(await check(token, access)).toMatchObject({ subject: "alice" });
      else await expect(check(token, access)).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
  });

  test("is not looked at before the signature", async () => {
    await expect(check(signToken(other, { scope: "read" }))).rejects.toEqual(unauthenticated());
  });
});
