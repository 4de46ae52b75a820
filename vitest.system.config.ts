import { defineConfig } from "vitest/config";

// Tests against real programs (nginx, Apache, supervisor, curl), which .ci/run installs.
export default defineConfig({
  test: {
    include: ["test/system/**/*.test.ts"],
    testTimeout: 120_000,
    // A shared machine that stalls can run a test into its time limit; what is really broken fails twice.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
