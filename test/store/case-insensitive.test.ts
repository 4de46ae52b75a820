import { describe, expect, test, vi } from "vitest";
import { baseFolder, EXTRA, install, installed, RANDOM, remove, rollBack, start } from "./kit.ts";

/**
 * A file system for which `Random.so` and `random.so` are one file, as that of a Mac is for the containers that it runs.
 * Linux has none that every kernel can mount, so this one writes all paths in lower case.
 */
vi.mock("node:fs/promises", async (load) => {
  const files: object = await load();
  const lower = (arg: unknown) =>
    typeof arg === "string" ? arg.replace(/(?<=\/(plugins|etc)\/).*/s, (path) => path.toLowerCase()) : arg;
  const call =
    (work: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) =>
      work(...args.map(lower));
  return Object.fromEntries(
    Object.entries(files).map(([name, one]) => [name, typeof one === "function" ? call(one) : one]),
  );
});

const V1 = { "plugins/sources/Random.so": "so 1", "etc/sources/random.yaml": "yaml 1", [EXTRA]: "ca 1" };
const V2 = {
  "plugins/sources/random.so": "so 2",
  "etc/sources/random.yaml": "yaml 2",
  [EXTRA.replace("ca.pem", "CA.pem")]: "ca 2",
};

describe("on a file system without upper and lower case", () => {
  test("an update whose files are written in another case leaves the new ones", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    await install(store, RANDOM, V2);
    expect(await installed(layout)).toEqual(inLowerCase(V2));
  });

  test("a restart knows the plugin still, and a delete removes all of it", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    const entry = store.get(RANDOM);
    const restarted = await start(layout, 2);
    expect(restarted.store.get(RANDOM)).toEqual(entry);
    await remove(restarted.store, RANDOM);
    expect(await installed(layout)).toEqual({});
  });

  test("a rollback brings the old ones back", async () => {
    const layout = await baseFolder();
    const { store } = await start(layout, 2);
    await install(store, RANDOM, V1);
    await install(store, RANDOM, V2);
    await rollBack(store, RANDOM);
    expect(await installed(layout)).toEqual(inLowerCase(V1));
  });
});

function inLowerCase(files: object): object {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [path.toLowerCase(), content]));
}
