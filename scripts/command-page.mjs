// Prints the sections of docs/command-line.md about commands: node scripts/command-page.mjs
import { dirname } from "node:path";
import { build } from "esbuild";

const { outputFiles } = await build({
  stdin: {
    contents: `
      import { createProgram } from "./src/cli/program.ts";
      import { commandSections } from "./src/cli/completion/sections.ts";
      process.stdout.write(commandSections(createProgram({ env: {}, version: "", output: {} }, () => {})));`,
    resolveDir: dirname(import.meta.dirname),
    loader: "ts",
  },
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20.19", // await using
  packages: "external",
  write: false,
});
const { Module } = await import("node:module");
const page = new Module("command-page");
page.paths = Module._nodeModulePaths(dirname(import.meta.dirname));
page._compile(outputFiles[0].text, `${dirname(import.meta.dirname)}/command-page.cjs`);
