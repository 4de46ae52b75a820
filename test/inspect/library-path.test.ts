import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { createInspector } from "../../src/inspect/inspector.ts";
import { readSystemFacts } from "../../src/inspect/system/system-facts.ts";
import { AMD64, buildElf } from "../support/elf.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { engine, fileOf, plugin } from "./kit.ts";

/** What a verdict says where it depends on the LD_LIBRARY_PATH of the engine's process. */

const { cpu, libc } = await readSystemFacts();
const itHere = test.runIf(cpu === "amd64" && libc === "glibc");

interface Case {
  /** The plugin's. */
  readonly needed?: readonly string[];
  readonly versions?: Readonly<Record<string, readonly string[]>>;
  /** A library of the folder that the path leads to. */
  readonly library: { readonly name: string; readonly bytes: Buffer };
}

async function inspectWith({ library, ...contents }: Case, ours = false) {
  const folder = dirname(await fileOf(library.bytes, library.name));
  const base = await tempFolder();
  const binary = await fileOf(engine({ needed: ["libc.so.6"] }), "engine", base);
  const so = await fileOf(plugin({ needed: ["libc.so.6"], ...contents }), "random.so", base);
  const of = (libraryPath: string, env = {}) =>
    createInspector({ config: { binary, verify: "warn", libraryPath }, baseFolder: base, env }).inspect(so, ["Random"]);
  const found = ours ? await of("", { LD_LIBRARY_PATH: folder }) : await of(folder);
  return { folder, found, without: await of("") };
}

const LIBX = { name: "libforeign.so.1", bytes: buildElf({ format: AMD64 }) };

itHere("a library that is found by it alone", async () => {
  const needed = ["libc.so.6", LIBX.name];
  const { folder, found, without } = await inspectWith({ needed, library: LIBX });
  expect(without).toMatchObject({ verdict: "incompatible", problems: [{ code: "LIBRARY_MISSING" }] });
  expect(found).toMatchObject({ verdict: "compatible", problems: [{ code: "LIBRARY_PATH" }] });
  expect(found.problems[0]?.message).toContain(
    `${join(folder, LIBX.name)}, to which only engine.libraryPath (${folder}) leads`,
  );
  const ours = await inspectWith({ needed, library: LIBX }, true);
  expect(ours.found.problems[0]?.message).toContain(`only this server's own LD_LIBRARY_PATH (${ours.folder}) leads`);
});

itHere("a glibc that is found by it: the verdict is that glibc's", async () => {
  const glibcOf = (version: string) => ({
    name: "libc.so.6",
    bytes: buildElf({ format: AMD64, definedVersions: ["libc.so.6", `GLIBC_${version}`] }),
  });
  const asks = (version: string) => ({ versions: { "libc.so.6": [`GLIBC_${version}`] } });
  const newer = await inspectWith({ ...asks("2.98"), library: glibcOf("2.99") });
  expect(newer.without.problems).toMatchObject([{ code: "GLIBC_TOO_OLD" }]);
  expect(newer.found).toMatchObject({ verdict: "compatible", problems: [{ code: "LIBRARY_PATH" }] });
  const older = await inspectWith({ ...asks("2.4"), library: glibcOf("2.3") });
  expect(older.without).toMatchObject({ verdict: "compatible", problems: [] });
  expect(older.found.problems).toMatchObject([{ code: "GLIBC_TOO_OLD" }]);
  expect(older.found.problems[0]?.message).toContain(
    `${join(older.folder, "libc.so.6")}, to which engine.libraryPath (${older.folder}) leads, is 2.3:`,
  );
});
