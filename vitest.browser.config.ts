import { defineConfig } from "vitest/config";
import { memoryFolder } from "./test/support/memory-folder.ts";

// The page in a real Chromium (Debian's, or the one that CHROMIUM names) against the built server.
const folder = process.env.TMPDIR ?? memoryFolder();

export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 50 } },
    env: folder === undefined ? {} : { TMPDIR: folder },
    pool: "forks",
    // Each file has a browser of its own, which keeps both processors of a small machine busy.
    fileParallelism: false,
    setupFiles: ["test/support/contract-setup.ts"],
  },
});
