import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/system/**", "test/soak/**"],
    testTimeout: 30_000,
    // A shared machine that stalls can run a test into its time limit; what is really broken fails twice.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 30_000,
  },
});
