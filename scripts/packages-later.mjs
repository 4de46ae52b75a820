// A package that our code imports dynamically is loaded at its first use, so it has no place in the bundles, which are read
// at every start: it becomes a bundle of its own, dist/packages/NAME.js.
import { build } from "esbuild";

/** Collects the packages while the bundles are built. */
export class PackagesLater {
  names = new Set();

  plugin = {
    name: "packages-later",
    setup: ({ onResolve }) => {
      onResolve({ filter: /^(@[^/]+\/)?[^./][^/]*$/ }, ({ path, kind, importer }) => {
        if (kind !== "dynamic-import" || path.startsWith("node:") || importer.includes("node_modules"))
          return undefined;
        this.names.add(path);
        return { path: `./packages/${fileOf(path)}`, external: true };
      });
    },
  };
}

/** Of undici we use its client alone, a quarter of what loading the whole costs. */
const PARTS = {
  undici: `
    exports.Client = require("undici/lib/dispatcher/client.js");
    require("undici/lib/dispatcher/dispatcher.js").prototype.request = require("undici/lib/api/api-request.js");`,
};

export async function buildPackage(name, options) {
  const { outdir, ...others } = options;
  const file = `${outdir}/packages/${fileOf(name)}`;
  if (!Object.hasOwn(PARTS, name)) return build({ ...others, entryPoints: [name], outfile: file });
  return build({ ...others, stdin: { contents: PARTS[name], resolveDir: process.cwd() }, outfile: file });
}

function fileOf(name) {
  return `${name.replace("@", "").replace("/", "-")}.js`;
}
