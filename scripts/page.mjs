// Builds the page, src/ui, into dist/ui, with what a browser gets compressed made once, here.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";

const COMPRESSED = /\.(html|js|css|svg|json)$/;

export async function buildPage() {
  await build({ configFile: "src/ui/vite.config.ts", logLevel: "warn" });
  for (const entry of await readdir("dist/ui", { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !COMPRESSED.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    await writeFile(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
    await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}
