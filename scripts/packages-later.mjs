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

export async function buildPackage(name, options) {
  await build({ ...options, entryPoints: { [fileOf(name).slice(0, -3)]: name }, outdir: `${options.outdir}/packages` });
}

function fileOf(name) {
  return `${name.replace("@", "").replace("/", "-")}.js`;
}
