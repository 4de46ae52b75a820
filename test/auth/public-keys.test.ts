import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { appendFile, mkdir, rename, rm, stat, symlink, utimes } from "node:fs/promises";
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

  test("that is replaced in place by one of the same length, with its time set back", async () => {
    await writeKey(file("a"), first.publicPem);
    const { atime, mtime } = await stat(file("a"));
    await utimes(file("a"), atime, mtime); // to the precision that utimes has
    expect(await pemOf("a")).toBe(first.publicPem);
    await writeKey(file("a"), second.publicPem);
    await utimes(file("a"), atime, mtime);
    expect(await pemOf("a")).toBe(second.publicPem);
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

test("what is no regular file, or too large, is not read: nothing waits for it", async () => {
  await mkdir(file("folder"), { recursive: true });
  for (let fifo = 0; fifo < 5; fifo += 1) execFileSync("mkfifo", [file(`fifo${fifo}`)]); // Node has four threads
  await symlink("/dev/zero", file("device"));
  await writeKey(file("large"), first.publicPem);
  await appendFile(file("large"), Buffer.alloc(64 * 1024));
  const names = ["folder", "device", "large", ...Array.from({ length: 5 }, (_, fifo) => `fifo${fifo}`)];
  for (const result of await Promise.allSettled(names.map(pemOf))) expect(result.status).toBe("rejected");
  await writeKey(file("a"), first.publicPem);
  expect(await pemOf("a")).toBe(first.publicPem);
});
