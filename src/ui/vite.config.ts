import { defineConfig } from "vite";

/** Built into dist/ui, which the server serves at /ui/. */
export default defineConfig({
  root: import.meta.dirname,
  base: "/ui/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "../../dist/ui", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, modulePreload: false },
});
