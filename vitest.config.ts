import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { memoryFolder } from "./test/support/memory-folder.ts";

// Half the tests' time would go into fsync on a disk. Those of test/system and test/soak do use the disk, and TMPDIR
// puts these there too.
const folder = process.env.TMPDIR ?? memoryFolder();

const exclude = ["test/system/**", "test/soak/**", "test/browser/**"];
/** Files that replace a module: the other files of their process would get the replacement, or they not theirs. */
const mocking = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((name) => join("test", name))
  .filter((path) => path.endsWith(".test.ts") && readFileSync(path, "utf8").includes("vi.mock("));

export default defineConfig({
  test: {
    // Bounds for what hangs; nothing is retried. A shared machine may stall for many seconds.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    env: folder === undefined ? {} : { TMPDIR: folder },
    // Processes, not threads, because some tests change the umask or the user.
    pool: "forks",
    // Vitest leaves one processor for itself; it needs next to nothing, and the tests wait a good part of their time.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        // Files share their process's modules: loading the server anew for each costs as much as its tests.
        test: { name: "shared", include: ["test/**/*.test.ts"], exclude: [...exclude, ...mocking], isolate: false },
      },
      { extends: true, test: { name: "isolated", include: mocking } },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "text-summary"],
    },
  },
});
