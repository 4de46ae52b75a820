import { defineConfig } from "vitest/config";

// Tests against real programs (nginx, Apache, supervisor, curl), which .ci/run installs.
export default defineConfig({
  test: {
    include: ["test/system/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
