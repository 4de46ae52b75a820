import { defineConfig } from "vitest/config";

// Tests that end the server's process hundreds of times, and fuzzing. `npm run test:soak` is the long run.
export default defineConfig({
  test: {
    include: ["test/soak/**/*.test.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    // As in vitest.config.ts; vitest's own is one second.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    fileParallelism: false,
    setupFiles: ["test/support/contract-setup.ts"],
  },
});
