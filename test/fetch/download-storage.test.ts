import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileTarget } from "../../src/fetch/file-target.ts";
import { settingLimit } from "../../src/lib/limits.ts";
import { downloadBench, serveZip, sha256, someBytes } from "../support/downloading.ts";
import { endless, file, stalled } from "../support/file-server-replies.ts";
import { tempFolder } from "../support/temp-folder.ts";

const BODY = someBytes(3_000_000);
const LIMIT = settingLimit("maxBytes", 10_000_000, (words) => new Error(words));

/** A file system of one megabyte, or undefined where this user can't make one. */
function mountSmall(folder: string): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
    return folder;
  } catch {
    return undefined;
  }
}

describe("where a download is stored", () => {
  it("must be free: what is there already stays as it is", async () => {
    const { url, server } = await serveZip(file(BODY));
    const bench = await downloadBench();
    await writeFile(bench.file, "mine");
    await expect(bench.fetch(url)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: `fail to download file ${url}: the server cannot write its files: a file is in the way, in its folder (EEXIST); move that file away; see the server's log`,
    });
    expect(await readFile(bench.file, "utf8")).toBe("mine");
    expect(server.requests).toEqual([]);
  });

  it("is told when it can't be", async () => {
    const { url } = await serveZip(file(BODY));
    const bench = await downloadBench();
    const never = new AbortController().signal;
    const uri = { url: new URL(url), redacted: url };
    const none = join(bench.folder, "none/x.zip");
    await expect(bench.downloader.download(uri, none, { signal: never, log: console })).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: `fail to download file ${url}: the server cannot write its files: a file or a folder is gone, in its folder (ENOENT); let nobody else clear it; see the server's log`,
    });
  });

  it("is told when it is full, and the connection ends", async (context) => {
    const folder = join(await tempFolder(), "small");
    await mkdir(folder);
    if (mountSmall(folder) === undefined) return context.skip("this user can't mount a tmpfs");
    onTestFinished(() => void execFileSync("umount", [folder]));
    for (const reply of [file(BODY), endless().reply]) {
      const { url, server } = await serveZip(reply);
      const bench = await downloadBench();
      const signal = new AbortController().signal;
      const uri = { url: new URL(url), redacted: url };
      await expect(
        bench.downloader.download(uri, join(folder, "x.zip"), { signal, log: console }),
      ).rejects.toMatchObject({
        code: "STORAGE_FULL",
        message: `fail to download file ${url}: there is no space left on the server's disk; free some and try again`,
        cause: { code: "ENOSPC" },
      });
      await server.idle();
    }
    // It was removed, so there is room again.
    await writeFile(join(folder, "y"), Buffer.alloc(900_000));
  });
});

describe("a disk that is full while the host is silent", () => {
  it("is no unhandled rejection", async (context) => {
    const folder = join(await tempFolder(), "small");
    await mkdir(folder);
    if (mountSmall(folder) === undefined) return context.skip("this user can't mount a tmpfs");
    onTestFinished(() => void execFileSync("umount", [folder]));
    const { url } = await serveZip(stalled(BODY.subarray(0, 1_650_000), BODY.length));
    const { downloader } = await downloadBench({ idleTimeoutSeconds: 0.3, maxRetries: 0 });
    const { signal } = new AbortController();
    const uri = { url: new URL(url), redacted: url };
    // Vitest fails the run for a rejection that nobody handles.
    await expect(downloader.download(uri, join(folder, "x.zip"), { signal, log: console })).rejects.toThrow(
      /idleTimeoutSeconds/,
    );
  });
});

describe("FileTarget", () => {
  it("has every byte in its place, however the chunks are cut", async () => {
    const path = join(await tempFolder(), "x");
    const target = await FileTarget.create(path, LIMIT);
    const reused = Buffer.alloc(700_001);
    const hash = createHash("sha256");
    for (let at = 0, n = 1; at < BODY.length; n++) {
      const part = BODY.subarray(at, at + ((n * 70_001) % 700_001));
      at += part.length;
      reused.set(part);
      hash.update(part);
      await target.write(reused.subarray(0, part.length));
      reused.fill(0); // its bytes are the target's by now
    }
    expect(await target.finish()).toEqual({ sha256: hash.digest("hex"), bytes: BODY.length });
    expect(BODY.equals(await readFile(path))).toBe(true);
  });

  it("is empty again after restart", async () => {
    const path = join(await tempFolder(), "x");
    const target = await FileTarget.create(path, LIMIT);
    await target.write(BODY);
    await target.restart();
    expect(target.bytes).toBe(0);
    await target.write(Buffer.from("abc"));
    expect(await target.finish()).toEqual({ sha256: sha256(Buffer.from("abc")), bytes: 3 });
    expect(await readFile(path, "utf8")).toBe("abc");
  });
});
