import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { downloadBench, sha256, someBytes } from "../support/downloading.ts";
import { tempFolder } from "../support/temp-folder.ts";

const BODY = someBytes(3_000_001);
const url = (path: string) => pathToFileURL(path).href;

describe("a download from a file", () => {
  it.each([0, 1, 512 * 1024, 3_000_001])("copies and hashes %d bytes", async (size) => {
    const body = BODY.subarray(0, size);
    const path = join(await tempFolder(), "my plugin ü%.zip");
    await writeFile(path, body);
    const bench = await downloadBench();
    const calls: unknown[] = [];
    const onProgress = (...progress: unknown[]) => calls.push(progress);
    expect(await bench.fetch(url(path), { onProgress })).toEqual({ sha256: sha256(body), bytes: size });
    expect(body.equals(await readFile(bench.file))).toBe(true);
    if (size > 0) expect(calls.at(-1)).toEqual([size, size]);
  });

  it("is refused for what is no regular file, without waiting for it", async () => {
    const folder = await tempFolder();
    const named = (name: string) => join(folder, `${name}.zip`);
    await mkdir(named("folder"));
    execFileSync("mkfifo", [named("fifo")]);
    const server = net.createServer().listen(named("socket"));
    onTestFinished(() => void server.close());
    await symlink("/dev/zero", named("device"));
    const bench = await downloadBench();
    for (const name of ["folder", "fifo", "socket", "device"]) {
      expect(await bench.failure(url(named(name)))).toMatchObject({
        code: "DOWNLOAD_FAILED",
        message: `fail to download file ${url(named(name))}: ${named(name)} is not a regular file`,
      });
    }
  });

  it("is refused for what is not there", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "file"), "");
    await symlink("loop.zip", join(folder, "loop.zip"));
    const bench = await downloadBench();
    for (const [path, reason] of [
      ["none.zip", "no such file or directory"],
      ["none/x.zip", "no such file or directory"],
      ["file/x.zip", "not a directory"],
      ["loop.zip", "too many levels of symbolic links"],
      [`${"x".repeat(300)}.zip`, "file name too long"],
      ["a\0.zip", "invalid argument"],
    ] as const) {
      const given = url(`${folder}/`) + path.replace("\0", "%00");
      const shown = join(folder, path).replace("\0", "\\u0000");
      expect((await bench.failure(given)).message).toBe(`fail to download file ${given}: stat ${shown}: ${reason}`);
    }
  });

  it.skipIf(process.getuid?.() === 0)("is refused for what may not be read (not as root)", async () => {
    const path = join(await tempFolder(), "x.zip");
    await writeFile(path, BODY);
    await chmod(path, 0);
    expect((await (await downloadBench()).failure(url(path))).message).toMatch(`open ${path}: permission denied`);
  });

  it("is refused when it is too large", async () => {
    const path = join(await tempFolder(), "x.zip");
    await writeFile(path, BODY);
    expect((await (await downloadBench({ maxBytes: 1000 })).failure(url(path))).message).toMatch(
      /: it has 3000001 bytes, more than pluginDownload\.maxBytes \(1000\) allows$/,
    );
  });

  it("can be cancelled between two reads", async () => {
    const path = join(await tempFolder(), "x.zip");
    await writeFile(path, BODY);
    const controller = new AbortController();
    const bench = await downloadBench();
    const result = bench.fetch(url(path), { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(result).rejects.toThrow("the download was cancelled");
  });
});

describe("pluginDownload.allowedFolders", () => {
  async function folders() {
    const root = await tempFolder();
    for (const folder of ["plugins", "plugins/below", "plugins-evil", "other"]) {
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, "x.zip"), BODY);
    }
    await symlink("../other/x.zip", join(root, "plugins/out.zip"));
    await symlink("../other", join(root, "plugins/out"));
    await symlink("plugins", join(root, "link"));
    return root;
  }

  it.each([
    ["plugins", "plugins/x.zip", true],
    ["plugins/", "plugins/below/x.zip", true],
    ["plugins", "link/x.zip", true],
    ["link", "plugins/x.zip", true],
    ["plugins", "plugins/out/../below/x.zip", true],
    ["plugins", "plugins-evil/x.zip", false],
    ["plugins", "other/x.zip", false],
    ["plugins", "plugins/../other/x.zip", false],
    ["plugins", "plugins/out.zip", false],
    ["plugins", "plugins/out/x.zip", false],
    ["plugins", "plugins/%2e%2e/other/x.zip", false],
    ["missing", "plugins/x.zip", false],
  ])("%s and %s: %s", async (folder, path, allowed) => {
    const root = await folders();
    const bench = await downloadBench({ allowedFolders: ["/nowhere", join(root, folder)] });
    const given = `${url(root)}/${path}`;
    if (allowed) expect(await bench.fetch(given)).toMatchObject({ sha256: sha256(BODY) });
    else expect((await bench.failure(given)).message).toMatch(/ is not in a folder of pluginDownload\.allowedFolders$/);
  });

  it("begins at the base folder when it is relative", async () => {
    const bench = await downloadBench({ allowedFolders: ["zips"] });
    await mkdir(join(bench.folder, "zips"));
    await writeFile(join(bench.folder, "zips/x.zip"), BODY);
    await bench.fetch(url(join(bench.folder, "zips/x.zip")));
  });

  it("does not tell what is there outside", async () => {
    const root = await folders();
    const bench = await downloadBench({ allowedFolders: [join(root, "plugins")] });
    const reason = async (path: string) => (await bench.failure(url(join(root, path)))).message.replace(/^.*: /, "");
    expect(await reason("other/none.zip")).toBe(
      `${join(root, "other/none.zip")} is not in a folder of pluginDownload.allowedFolders`,
    );
    expect(await reason("other/x.zip/x.zip")).toMatch(/is not in a folder of/);
    expect(await reason("plugins/none.zip")).toBe("no such file or directory");
  });
});
