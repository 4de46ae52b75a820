import { defineConfig } from "vitest/config";
import { findGoToolchain, otherGoVersions } from "./test/support/go-toolchains.ts";

// Tests against real programs (nginx, Apache, supervisor, curl, Go), which .ci/run installs.
const common = {
  // Bounds for what hangs. Go builds its library anew for each set of flags, which takes a small machine minutes.
  testTimeout: 600_000,
  hookTimeout: 600_000,
  // As in vitest.config.ts; vitest's own is one second.
  expect: { poll: { timeout: 30_000, interval: 20 } },
  fileParallelism: false,
  setupFiles: ["test/support/contract-setup.ts"],
};

/** What is said of plugins, once more with each Go of GO_VERSIONS: `GO_VERSIONS="1.16.15 1.26.0" npm run test:system`. */
async function otherGos() {
  const projects = [];
  for (const version of otherGoVersions(process.env)) {
    const found = await findGoToolchain(version);
    if (typeof found === "string") console.warn(`no tests with Go ${version}: ${found}`);
    else {
      const include = ["test/system/go-plugin*.test.ts", "test/system/symbol-types.test.ts"];
      projects.push({ test: { ...common, name: found.version, include, env: { ...found.env } } });
    }
  }
  return projects;
}

export default defineConfig(async () => ({
  test: {
    fileParallelism: false,
    projects: [{ test: { ...common, name: "system", include: ["test/system/**/*.test.ts"] } }, ...(await otherGos())],
  },
}));
