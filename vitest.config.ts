import { defineConfig } from "vitest/config";
import { memoryFolder } from "./test/support/memory-folder.ts";

// Half the tests' time would go into fsync on a disk. Those of test/system and test/soak do use the disk, and TMPDIR
// puts these there too.
const folder = process.env.TMPDIR ?? memoryFolder();

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/system/**", "test/soak/**"],
    // Files share their worker's modules: loading the server anew for each file costs as much as its tests. Processes,
    // not threads, because some tests change the umask or the user.
    pool: "forks",
    isolate: false,
    env: folder === undefined ? {} : { TMPDIR: folder },
    // Bounds for what hangs; nothing is retried. A shared machine may stall for many seconds.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "text-summary"],
    },
  },
});
