import { defineConfig } from "vite";

/**
 * Built into dist/ui, which the server serves at /ui/. Paths are relative: a proxy may have put a prefix before it. Nothing
 * is inlined, since the Content-Security-Policy takes neither scripts nor styles in the document.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "../../dist/ui", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, modulePreload: false },
});
