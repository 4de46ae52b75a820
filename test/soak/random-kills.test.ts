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

/** Plugins that are installed, updated, rolled back and deleted all the time; enough that several change at once. */
const NAMES = Array.from({ length: 6 }, (_, index) => `plugin${index}`);
/** The longest time until a kill. It grows while no change gets an answer in it: on a busy machine, all would end too soon. */
const LIFE_MS = { shortest: 400, longest: 25_600 };

interface Plugin {
  readonly type: PluginType;
  readonly name: string;
}

/**
 * What the last answer says about a plugin: which version is installed, or that it is gone. After a request without an
 * answer it can be as before or as requested.
 */
type Knowledge = readonly (string | "gone")[];

const VERSIONS = ["1.0.0", "2.0.0"] as const;

test(`${KILLS} kills at random instants under load lose nothing (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const folder = await mkdtemp(join(tmpdir(), "soak-"));
  const base = join(folder, "base");
  const plugins = PLUGIN_TYPES.flatMap((type) => NAMES.map((name) => ({ type, name })));
  const zips = new Map<Plugin, readonly string[]>();
  for (const [index, plugin] of plugins.entries()) {
    const paths = VERSIONS.map((version, at) => {
      // The second half has what the first half has: what is kept of the one is kept of the other.
      const seed = (index % (plugins.length / 2)) * VERSIONS.length + at;
      const contents = { ...plugin, version, soContent: realisticBinary(20_000 + seed * 60_000, seed), json: "{}" };
      return writePluginZip(folder, contents, `${plugin.type}-${plugin.name}-${version}.zip`);
    });
    zips.set(
      plugin,
      (await Promise.all(paths)).map((path) => `file://${path}`),
    );
  }
  const known = new Map<Plugin, Knowledge>(plugins.map((plugin) => [plugin, ["gone"]]));
  let survived = 0;
  let answers = 0;
  let longestLifeMs = LIFE_MS.shortest;
  try {
    for (; survived <= KILLS; survived += 1) {
      const started = performance.now();
      const server = await ServerProcess.start({ base });
      const url = await server.url();
      expect(performance.now() - started, "the start takes seconds at most").toBeLessThan(20_000);
      const listing = await fetchListing(url);
      await expectInvariants(base, listing);
      const versions = await expectWhatWasAnswered(url, listing, known);
      if (survived === KILLS) {
        await server.dispose();
        break;
      }
      const load = plugins.map((plugin) => {
        const change = chooseChange(url, plugin, versions.get(plugin) ?? [], zips.get(plugin) ?? [], random);
        return send(change, plugin, known);
      });
      await delay(random() * longestLifeMs); // a random instant for the kill, not a wait for something
      await server.dispose();
      const answered = (await Promise.all(load)).reduce((sum, count) => sum + count, 0);
      answers += answered;
      if (answered === 0) longestLifeMs = Math.min(2 * longestLifeMs, LIFE_MS.longest);
      else if (answered === load.length) longestLifeMs = Math.max(longestLifeMs / 2, LIFE_MS.shortest);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`survived ${survived} kills, with ${answers} changes answered before them (seed ${SEED})`);
  expect(answers, "the load was real").toBeGreaterThan(0);
});

interface Change {
  readonly request: () => Promise<Response>;
  /** The installed version before it, and after it. */
  readonly before: string;
  readonly after: string;
}

/**
 * Installs what is not there; updates, rolls back or deletes what is. Once per start of the server: a deleted name
 * stays marked.
 */
function chooseChange(
  url: string,
  { type, name }: Plugin,
  [version, previous]: readonly string[],
  zips: readonly string[],
  random: () => number,
): Change {
  const plugin = `${url}/plugins/${type}/${name}`;
  const send = (to: string, method: string, body?: object) => () =>
    fetch(to, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const next = Math.floor(random() * VERSIONS.length);
  const after = VERSIONS[next] ?? "";
  const choice = random();
  if (version === undefined) {
    return { request: send(`${url}/plugins/${type}`, "POST", { name, file: zips[next] }), before: "gone", after };
  }
  if (choice < 0.25) return { request: send(plugin, "DELETE"), before: version, after: "gone" };
  if (choice < 0.6 && previous !== undefined) {
    return { request: send(`${plugin}/rollback`, "POST"), before: version, after: previous };
  }
  return { request: send(plugin, "PUT", { file: zips[next] }), before: version, after };
}

async function send(
  { request, before, after }: Change,
  plugin: Plugin,
  known: Map<Plugin, Knowledge>,
): Promise<number> {
  known.set(plugin, [before, after]); // from here on until the answer
  try {
    const response = await request();
    const text = await response.text();
    expect([200, 201], text).toContain(response.status);
    known.set(plugin, [after]);
    return 1;
  } catch (error) {
    if (error instanceof TypeError) return 0; // the connection was cut by the kill
    throw error;
  }
}

/** @returns the versions of each listed plugin: the installed one, then the earlier ones */
async function expectWhatWasAnswered(
  url: string,
  listing: Listing,
  known: ReadonlyMap<Plugin, Knowledge>,
): Promise<Map<Plugin, readonly string[]>> {
  const found = new Map<Plugin, readonly string[]>();
  for (const [plugin, knowledge] of known) {
    const { type, name } = plugin;
    if (listing[type].includes(name)) {
      const answer = await fetch(`${url}/plugins/${type}/${name}/versions`);
      found.set(
        plugin,
        ((await answer.json()) as { version: string }[]).map(({ version }) => version),
      );
    }
    const is = found.get(plugin)?.[0] ?? "gone";
    expect(knowledge, `${type}/${name} as the last answer says; it is ${is}`).toContain(is);
  }
  return found;
}
