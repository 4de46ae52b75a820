import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { PLUGIN_TYPES, type PluginType } from "../../src/domain/plugin.ts";
import { expectInvariants, fetchListing, type Listing } from "../support/invariants.ts";
import { realisticBinary, seededRandom, writePluginZip } from "../support/plugin-zip.ts";
import { ServerProcess } from "../support/server-process.ts";

/** `SOAK_KILLS=20 SOAK_SEED=7 npm run test:soak`. */
const KILLS = Number(process.env.SOAK_KILLS ?? 200);
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

/** Plugins that are installed and deleted all the time; enough that several change at once. */
const NAMES = Array.from({ length: 6 }, (_, index) => `plugin${index}`);
const LONGEST_LIFE_MS = 400;

interface Plugin {
  readonly type: PluginType;
  readonly name: string;
}

/** What was answered last about a plugin: 201 says it is there, 200 to a delete that it is gone, else nobody knows. */
type Knowledge = "there" | "gone" | "unknown";

test(`${KILLS} kills at random instants under load lose nothing (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const folder = await mkdtemp(join(tmpdir(), "soak-"));
  const base = join(folder, "base");
  const plugins = PLUGIN_TYPES.flatMap((type) => NAMES.map((name) => ({ type, name })));
  const zips = new Map<Plugin, string>();
  for (const [index, plugin] of plugins.entries()) {
    const contents = { ...plugin, soContent: realisticBinary(20_000 + index * 60_000, index), json: "{}" };
    const path = await writePluginZip(folder, contents, `${plugin.type}-${plugin.name}.zip`);
    zips.set(plugin, `file://${path}`);
  }
  const known = new Map<Plugin, Knowledge>(plugins.map((plugin) => [plugin, "gone"]));
  let survived = 0;
  let answers = 0;
  try {
    for (; survived <= KILLS; survived += 1) {
      const started = performance.now();
      const server = await ServerProcess.start({ base });
      const url = await server.url();
      expect(performance.now() - started, "the start takes seconds at most").toBeLessThan(20_000);
      const listing = await fetchListing(url);
      await expectInvariants(base, listing);
      expectWhatWasAnswered(listing, known);
      if (survived === KILLS) {
        await server.dispose();
        break;
      }
      const load = plugins.map((plugin) => change(url, plugin, zips.get(plugin) ?? "", listing, known));
      await delay(random() * LONGEST_LIFE_MS); // the instant of the kill: this is not a wait for something
      await server.dispose();
      answers += (await Promise.all(load)).reduce((sum, count) => sum + count, 0);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`survived ${survived} kills, with ${answers} changes answered before them (seed ${SEED})`);
  expect(answers, "the load was real").toBeGreaterThan(0);
});

/** Installs what is not there and deletes what is. Once for each life of the server: a deleted name stays marked. */
async function change(
  url: string,
  plugin: Plugin,
  file: string,
  listing: Listing,
  known: Map<Plugin, Knowledge>,
): Promise<number> {
  const { type, name } = plugin;
  const isThere = listing[type].includes(name);
  known.set(plugin, "unknown"); // from here on until the answer
  try {
    const response = isThere
      ? await fetch(`${url}/plugins/${type}/${name}`, { method: "DELETE" })
      : await fetch(`${url}/plugins/${type}`, { method: "POST", body: JSON.stringify({ name, file }) });
    const text = await response.text();
    expect([200, 201], text).toContain(response.status);
    known.set(plugin, isThere ? "gone" : "there");
    return 1;
  } catch (error) {
    if (error instanceof TypeError) return 0; // the connection died with the server
    throw error;
  }
}

function expectWhatWasAnswered(listing: Listing, known: ReadonlyMap<Plugin, Knowledge>): void {
  for (const [{ type, name }, knowledge] of known) {
    if (knowledge === "unknown") continue;
    expect(listing[type].includes(name), `${type}/${name} was answered to be ${knowledge}`).toBe(knowledge === "there");
  }
}
