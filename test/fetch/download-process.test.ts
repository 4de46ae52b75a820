import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import tls from "node:tls";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { serveFiles, serveZip, sha256, someBytes } from "../support/downloading.ts";
import { makeCertificate } from "../support/file-server.ts";
import { file } from "../support/file-server-replies.ts";
import { tempFolder } from "../support/temp-folder.ts";

const BODY = someBytes(4_000_000);

describe("a process that downloads", () => {
  /** Runs a script that downloads `url`, in a process of its own. */
  async function inProcess(url: string, lines: string, env: Record<string, string> = {}) {
    const folder = await tempFolder();
    const outfile = join(folder, "main.mjs");
    const contents = `
      import { loadConfig } from "./src/config/load.ts";
      import { createClient } from "./src/fetch/client.ts";
      import { createDownloader } from "./src/fetch/downloader.ts";
      const config = loadConfig("none.yaml", {}).config.pluginDownload;
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const create = (settings) => {
        const own = { ...config, ...settings };
        const client = createClient({ config: own, proxy: {}, baseFolder: "." });
        return createDownloader({ client, config: own, baseFolder: "." });
      };
      const { signal } = new AbortController();
      const uri = { url: new URL(${JSON.stringify(url)}), redacted: "it" };
      ${lines}`;
    await build({
      stdin: { contents, resolveDir: process.cwd(), loader: "ts" },
      bundle: true,
      platform: "node",
      target: "node20.19",
      format: "esm",
      outfile,
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      logLevel: "silent",
    });
    const child = spawn(process.execPath, [outfile], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
    const [code] = await once(child, "close");
    return { code, output };
  }

  it("ends by itself afterwards, without close", async () => {
    const { url } = await serveZip(file(BODY));
    const lines = `console.log((await create().download(uri, "x.zip", { signal, log })).sha256);`;
    expect(await inProcess(url, lines)).toEqual({ code: 0, output: `${sha256(BODY)}\n` });
  });

  // What undici 7 does not survive: a reset at a moment at which nobody reads the body.
  it("survives resets at any moment", async () => {
    const { url } = await serveZip((_, response, count) => {
      const framing = [{ "content-length": 100_000_000 }, { connection: "close" }][count % 2];
      response.writeHead(200, framing);
      response.write(BODY, () => response.write(BODY));
      setTimeout(() => response.socket?.resetAndDestroy(), count);
    });
    const lines = `
      const results = [];
      for (let n = 0; n < 60; n++) {
        results.push(await create({ maxRetries: 0 }).download(uri, "x" + n, {
          signal, log,
          onProgress() { const end = performance.now() + 2; while (performance.now() < end); },
        }).catch((error) => error.message));
      }
      console.log(new Set(results));`;
    const { code, output } = await inProcess(url, lines);
    expect(output).toMatch(/^Set\(\d\) \{[^}]*fail to download file it: unexpected EOF[^}]*\}\n$/);
    expect(code).toBe(0);
  });

  const hasDefaultRoots = "getCACertificates" in tls;
  it.skipIf(!hasDefaultRoots)(
    "trusts what Node does besides pluginDownload.ca (needs Node 22.15, openssl)",
    async (context) => {
      const [node, other] = [await makeCertificate(), await makeCertificate()];
      if (node === undefined || other === undefined) return context.skip("there is no openssl");
      const server = await serveFiles({ "/x.zip": file(BODY) }, { tls: node });
      const folder = await tempFolder();
      await writeFile(join(folder, "node.pem"), node.cert);
      await writeFile(join(folder, "other.pem"), other.cert);
      const lines = `
      const download = (ca) => create({ ca }).download(uri, "x.zip", { signal, log });
      console.log((await download(${JSON.stringify(join(folder, "other.pem"))})).bytes);`;
      const env = { NODE_EXTRA_CA_CERTS: join(folder, "node.pem") };
      expect(await inProcess(server.url("/x.zip"), lines, env)).toEqual({ code: 0, output: `${BODY.length}\n` });
    },
  );
});
