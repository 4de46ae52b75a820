import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { smallBinary } from "./binaries.mjs";
import { writeSmallZip } from "./plugin-zip.mjs";
import { install, startServer } from "./server.mjs";

const FIRST = "first";
const LAST = "last";

/**
 * Makes a base folder with `count` source plugins, as that many installs would leave it: the first one is really
 * installed, its registry entry and its files are repeated under other names, and the install of the last one makes
 * the server write all of it in its own way. A folder that is there already is taken as it is.
 *
 * @returns the base folder
 */
export async function fillBase(processes, folder, count) {
  const base = join(folder, `base-with-${count}`);
  if (existsSync(base)) return base;
  await mkdir(base);
  if (count > 0) await installOne(processes, folder, base, FIRST);
  if (count > 2) await repeatFirst(base, count - 2);
  if (count > 1) await installOne(processes, folder, base, LAST);
  return base;
}

async function installOne(processes, folder, base, name) {
  const server = await startServer(processes, base);
  const zip = await writeSmallZip(folder, name, await smallBinary(512));
  await install(server, "sources", name, `file://${join(folder, zip)}`);
  await server.stop();
}

async function repeatFirst(base, times) {
  const registryFile = join(base, "plugins", "registry.json");
  const registry = JSON.parse(await readFile(registryFile, "utf8"));
  const { sources } = registry.plugins;
  const model = JSON.stringify(sources[FIRST]);
  for (let index = 0; index < times; index += 1) {
    const name = `plugin${String(index).padStart(5, "0")}`;
    sources[name] = JSON.parse(model.replaceAll(FIRST, name).replaceAll("First", name.replace("p", "P")));
    for (const { path } of sources[name].files) {
      const file = join(base, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, "x");
    }
  }
  await writeFile(registryFile, JSON.stringify(registry));
}
