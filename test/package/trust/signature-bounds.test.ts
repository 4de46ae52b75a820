import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createTrust } from "../../../src/package/trust/trust.ts";
import { cpuMs } from "../../support/cpu-time.ts";
import { someBytes } from "../../support/downloading.ts";
import { makeSigner, writeTrusted } from "../../support/signing.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { testLog } from "../../support/test-log.ts";

const MB = 1_000_000;
const never = new AbortController().signal;

/** How much more memory than before was used at any time during `work`. */
async function growth(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 2);
  await work();
  clearInterval(timer);
  return Math.max(most, process.memoryUsage.rss()) - before;
}

it.each(["ecdsa", "ed25519", "rsa"] as const)("a zip of 300 MB is not held in memory: %s", async (kind) => {
  const folder = await tempFolder();
  const zip = join(folder, "x.zip");
  await writeFile(zip, someBytes(1 * MB));
  await truncate(zip, 300 * MB);
  const trust = createTrust({
    folder: join(folder, "trust"),
    config: { require: true, requireStatement: false, maxEd25519Bytes: 128 * MB, maxStatementBytes: 65_536 },
    log: testLog().log,
  });
  const signer = makeSigner(folder, kind);
  for (let n = 0; n < 3; n++) {
    await writeTrusted(join(folder, `trust/${n}.pub`), makeSigner(folder, kind).publicPem);
  }
  await writeTrusted(join(folder, "trust/release.pub"), signer.publicPem);
  const signature = signer.sign(zip);
  const check = async () => {
    const proof = trust.verify(zip, signature, never);
    if (kind === "ed25519") await expect(proof).rejects.toThrow(/^the zip is too large for an Ed25519 signature: /);
    else expect(await proof).toMatchObject({ key: "release.pub" });
  };
  expect(await growth(check)).toBeLessThan(100 * MB);
});

it("a thousand keys leave time for others", async () => {
  const folder = await tempFolder();
  const zip = join(folder, "x.zip");
  await writeFile(zip, someBytes(1 * MB));
  const { publicPem } = makeSigner(folder, "ed25519");
  for (let n = 0; n < 1000; n++) await writeTrusted(join(folder, `trust/${n}.pub`), publicPem);
  const trust = createTrust({
    folder: join(folder, "trust"),
    config: { require: true, requireStatement: false, maxEd25519Bytes: 128 * MB, maxStatementBytes: 65_536 },
    log: testLog().log,
  });
  const stranger = makeSigner(folder, "ed25519").sign(zip);
  let isOver = false;
  const verified = expect(trust.verify(zip, stranger, never)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  void verified.finally(() => {
    isOver = true;
  });
  let longest = 0;
  for (let last = cpuMs(), now = last; !isOver; last = now) {
    await nextTurn();
    now = cpuMs();
    longest = Math.max(longest, now - last);
  }
  await verified;
  expect(longest).toBeLessThan(500); // in one go it is more than a second
});
