import { createPrivateKey } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { PublicKeys } from "../../src/auth/public-keys.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { makeKeyPair, writeKey } from "../support/tokens.ts";

const first = makeKeyPair.EdDSA();
const second = makeKeyPair.EdDSA();

let folder: string;
let keys: PublicKeys;
beforeEach(async () => {
  folder = join(await tempFolder(), "mgmt");
  keys = new PublicKeys(folder);
});

const file = (issuer: string) => join(folder, `${issuer}.pub`);
const pemOf = async (issuer: string) => (await keys.find(issuer))?.export({ type: "spki", format: "pem" });

describe("a key counts from the next request on", () => {
  test("that is added, also with the folder", async () => {
    expect(await pemOf("a")).toBeUndefined();
    await writeKey(file("a"), first.publicPem);
    expect(await pemOf("a")).toBe(first.publicPem);
  });

  test("that is replaced, by a rename or in place", async () => {
    await writeKey(file("a"), first.publicPem);
    expect(await pemOf("a")).toBe(first.publicPem);
    await writeKey(file("b"), second.publicPem);
    await rename(file("b"), file("a"));
    expect(await pemOf("a")).toBe(second.publicPem);
    await writeKey(file("a"), `${first.publicPem}\n`);
    expect(await pemOf("a")).toBe(first.publicPem);
  });

  test("that is removed, or spoiled", async () => {
    await writeKey(file("a"), first.publicPem);
    expect(await pemOf("a")).toBe(first.publicPem);
    await writeKey(file("a"), "");
    expect(await pemOf("a")).toBeUndefined();
    await rm(file("a"));
    expect(await pemOf("a")).toBeUndefined();
  });
});

test("the same key is not read again", async () => {
  await writeKey(file("a"), first.publicPem);
  const key = await keys.find("a");
  expect(await keys.find("a")).toBe(key);
});

describe("no key is", () => {
  const encrypted = createPrivateKey(first.privatePem)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();

  test.each([
    ["a private key", first.privatePem],
    ["an encrypted private key", encrypted],
    ["a private key beside the public one", first.publicPem + first.privatePem],
    ["text", "hello"],
    ["half a key", first.publicPem.slice(0, 60)],
  ])("%s", async (_, text) => {
    await writeKey(file("a"), text);
    expect(await pemOf("a")).toBeUndefined();
  });
});
