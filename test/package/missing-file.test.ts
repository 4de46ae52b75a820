import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readArchive } from "../../src/package/archive.ts";
import { planPackage } from "../../src/package/plan.ts";
import { HOSTILE_LIMITS } from "../support/hostile-zips.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { buildZip } from "../support/zip.ts";

/** A zip without the file that it needs: the refusal names what is there, and what to do. */

const RANDOM = { type: "sources", name: "random" } as const;

async function refusalOf(...names: string[]): Promise<string> {
  const path = join(await tempFolder(), "package.zip");
  await writeFile(path, buildZip(names.map((name) => ({ name, data: name.endsWith("/") ? "" : "x" }))));
  await using file = await open(path);
  const archive = await readArchive(file, HOSTILE_LIMITS.maxEntries);
  try {
    planPackage(archive, RANDOM, HOSTILE_LIMITS);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

const MISSING = "invalid zip file: so file or conf file is missing";
const NO_SO = `${MISSING} (the zip should have one Random.so or Random@<version>.so at its root, it has none`;
const NO_YAML = `${MISSING} (a source should have random.yaml at the root of its zip`;
const CONTENT = "zip the folder's content, not the folder";

test.each<[string[], string]>([
  [["random/", "random/Random.so", "random/random.yaml"], `; found random/Random.so: ${CONTENT}`],
  [["random/Random.so", "__MACOSX/random/._Random.so", ".DS_Store"], `; found random/Random.so: ${CONTENT}`],
  [["a/b/Random@v1.so", "a/b/etc/x"], `; found a/b/Random@v1.so: ${CONTENT}`],
  [["random/Random.so", "random.yaml"], `; found random/Random.so: it should be at the root (${CONTENT})`],
  [["random.zip", "README.md"], "; found random.zip: that is a zip in the zip; send the inner one"],
  [["out/random.tar.gz"], "; found out/random.tar.gz: that is an archive; zip its content, not the archive"],
  [["librandom.so"], "; found librandom.so: rename it Random.so"],
  [["random.so.1"], "; found random.so.1: rename it Random@v1.so"],
  [["RANDOM.so"], "; found RANDOM.so: rename it Random.so"],
  [["Random.SO"], "; found Random.SO: rename it Random.so"],
  [["random-v1.2.0.so"], "; found random-v1.2.0.so: rename it Random@v1.2.0.so"],
  [["lib/librandom.so"], "; found lib/librandom.so: rename it Random.so and put it at the root"],
  [["random.dll"], "; found random.dll: that is not for Linux; build a .so there (-buildmode=plugin)"],
  [["Other@v1.so"], "; found Other@v1.so: that is the plugin other; install it under its own name"],
  [["random.go", "go.mod"], "; found random.go: that is source code; build it with go build -buildmode=plugin"],
  [["README.md"], ""],
  [["\u202eRandom/Random.so"], `; found \\u202eRandom/Random.so: ${CONTENT}`],
  [[`${"a".repeat(200)}/Random.so`], `; found ${"a".repeat(120)}…: ${CONTENT}`],
])("without the .so, %j", async (names, found) => {
  expect(await refusalOf(...names)).toBe(`${NO_SO}${found})`);
});

test.each<[string[], string]>([
  [["random.yml"], "; found random.yml: rename it random.yaml"],
  [["Random.yaml"], "; found Random.yaml: rename it random.yaml"],
  [["random.yaml.txt"], "; found random.yaml.txt: rename it random.yaml"],
  [["conf/random.yml"], "; found conf/random.yml: rename it random.yaml and put it at the root"],
  [["etc/random.yaml"], `; found etc/random.yaml: it should be at the root (${CONTENT})`],
  [["config.yaml"], "; found config.yaml: rename it random.yaml if it is the source's configuration"],
  [["random.json"], ""],
])("without the .yaml, %j", async (names, found) => {
  expect(await refusalOf("Random.so", ...names)).toBe(`${NO_YAML}${found})`);
});
