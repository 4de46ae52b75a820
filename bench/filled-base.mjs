import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { smallBinary } from "./binaries.mjs";
import { writeSmallZip } from "./plugin-zip.mjs";
import { install, startServer } from "./server.mjs";

const MODEL = "model";

/**
 * Makes a base folder with `count` source plugins, as that many installs would leave it. One is really installed; the
 * others are its registry entry and its files under other names. One that is there already is taken as it is.
 */
export async function fillBase(processes, folder, count) {
  const base = join(folder, `base-with-${count}`);
  if (existsSync(base)) return base;
  const server = await startServer(processes, base);
  if (count > 0) {
    await writeSmallZip(folder, MODEL, await smallBinary(512));
    await install(server, "sources", MODEL, `file://${folder}/${MODEL}.zip`);
  }
  await server.stop();
  if (count > 0) await multiply(base, count);
  return base;
}

async function multiply(base, count) {
  const registryFile = join(base, "plugins", "registry.json");
  const registry = JSON.parse(await readFile(registryFile, "utf8"));
  const model = JSON.stringify(registry.plugins.sources[MODEL]);
  const entries = Array.from({ length: count - 1 }, (_, index) => {
    const name = `plugin${String(index).padStart(5, "0")}`;
    return [name, JSON.parse(model.replaceAll(MODEL, name).replaceAll("Model", name.replace("p", "P")))];
  });
  for (const [, { files }] of entries) {
    for (const { path } of files) {
      await mkdir(join(base, path, ".."), { recursive: true });
      await writeFile(join(base, path), "x");
    }
  }
  Object.assign(registry.plugins.sources, Object.fromEntries(entries));
  await writeFile(registryFile, `${JSON.stringify(registry, null, 2)}\n`);
}
