// Prints the table of docs/settings.md: node scripts/config-table.mjs
import { dirname } from "node:path";
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: ["src/config/settings.ts"],
  absWorkingDir: dirname(import.meta.dirname),
  bundle: true,
  format: "esm",
  platform: "node",
  write: false,
});
const bundle = Buffer.from(outputFiles[0].contents).toString("base64");
const { listSettings } = await import(`data:text/javascript;base64,${bundle}`);

console.log("| Setting | Default | Meaning |\n|---|---|---|");
for (const { path, schema } of listSettings()) {
  const value =
    schema.default === "" || Array.isArray(schema.default) ? JSON.stringify(schema.default) : schema.default;
  console.log(`| \`${path.join(".")}\` | \`${value}\` | ${schema.description.replaceAll("|", "\\|")} |`);
}
