import { expect, it } from "vitest";
import type { InstalledFile, KeptVersion, PluginEntry } from "../../../src/domain/plugin-entry.ts";
import { findVersion, versionId, versionsAfter } from "../../../src/store/versions/version-list.ts";

const FILES: InstalledFile[] = [
  { path: "plugins/sources/Random.so", sha256: "aa", bytes: 1 },
  { path: "etc/sources/random.yaml", sha256: "bb" },
];

function kept(id: string, version = id): KeptVersion {
  return { id, version, soFile: "Random.so", files: FILES };
}

function withVersions(...versions: KeptVersion[]): PluginEntry {
  return { version: "4.0", soFile: "Random.so", files: FILES, versions };
}

it("names a version by its files: twelve digits, the same for the same files in whatever order", () => {
  const id = versionId({ files: FILES });
  expect(id).toMatch(/^[0-9a-f]{12}$/);
  expect(versionId({ files: FILES.toReversed() })).toBe(id);
  expect(versionId({ files: FILES.map(({ bytes: _, ...file }) => file) })).toBe(id);
  const beside: InstalledFile = {
    path: "etc/sources/random.yaml.new",
    sha256: "bb",
    defaultOf: "etc/sources/random.yaml",
  };
  expect(versionId({ files: [...FILES, beside] })).toBe(id);
});

it.each<[string, InstalledFile[]]>([
  ["another content", [{ path: "plugins/sources/Random.so", sha256: "ab" }]],
  ["another name", [{ path: "plugins/sources/random.so", sha256: "aa" }]],
  ["an unknown content", [{ path: "plugins/sources/Random.so" }]],
  ["one file more", FILES],
  ["none", []],
])("names a version of %s differently", (_, files) => {
  expect(versionId({ files })).not.toBe(versionId({ files: FILES.slice(0, 1) }));
});

it.each([
  [undefined, "c"],
  [{}, "c"],
  [{ id: null, version: null }, "c"],
  [{ id: "b" }, "b"],
  [{ version: "1.0" }, "b"],
  [{ version: "v1.0" }, "b"],
  [{ version: "1.0", id: "a" }, "a"],
  [{ version: "" }, "d"],
])("finds the version that is wanted: %j", (wanted, id) => {
  const entry = withVersions(kept("c", "2.0"), kept("b", "1.0"), kept("a", "1.0"), kept("d", ""));
  expect(findVersion(entry, wanted).id).toBe(id);
});

it.each([
  [{ version: "3.0" }, "no version 3.0 is kept; there is 2.0 (id c), one without a version (id d)"],
  [
    { version: "4.0" },
    "no version 4.0 is kept; it is the one that is installed; there is 2.0 (id c), one without a version (id d)",
  ],
  [{ version: "3.0", id: "c" }, "no version 3.0 with id c is kept; there is 2.0 (id c), one without a version (id d)"],
  [{ id: "\u202ex" }, "no version with id \\u202ex is kept; there is 2.0 (id c), one without a version (id d)"],
  [
    { version: "", id: "c" },
    "no version without a number with id c is kept; there is 2.0 (id c), one without a version (id d)",
  ],
])("says what there is instead: %j", (wanted, message) => {
  const entry = withVersions(kept("c", "2.0"), kept("d", ""));
  expect(() => findVersion(entry, wanted)).toThrow(expect.objectContaining({ code: "VERSION_NOT_FOUND", message }));
});

it.each([{ version: "" }, { version: "v" }, { version: "", id: null }])(
  "speaks of a version without a number: %j",
  (wanted) => {
    const entry = withVersions(kept("c", "2.0"));
    const message = "no version without a number is kept; there is 2.0 (id c)";
    expect(() => findVersion(entry, wanted)).toThrow(expect.objectContaining({ code: "VERSION_NOT_FOUND", message }));
  },
);

it("says that there is none", () => {
  const { versions: _, ...entry } = withVersions();
  for (const one of [entry, withVersions()]) {
    expect(() => findVersion(one)).toThrow(
      expect.objectContaining({ code: "VERSION_NOT_FOUND", message: "no earlier version of it is kept" }),
    );
  }
});

it.each<[string, string | undefined, string[], string, number, string[]]>([
  ["the replaced one comes first", "c", ["b", "a"], "d", 3, ["c", "b", "a"]],
  ["those beyond the limit go", "c", ["b", "a"], "d", 2, ["c", "b"]],
  ["without any", "c", ["b", "a"], "d", 0, []],
  ["the installed one is not among them", "c", ["b", "a"], "b", 3, ["c", "a"]],
  ["nor when it is the replaced one", "c", ["b", "a"], "c", 3, ["b", "a"]],
  ["none is there twice", "b", ["b", "a", "a"], "d", 3, ["b", "a"]],
  ["where the replaced one can't be kept", undefined, ["b", "a"], "d", 3, ["b", "a"]],
])("lists the earlier versions: %s", (_, replaced, before, installed, keep, expected) => {
  const list = versionsAfter(
    replaced === undefined ? undefined : kept(replaced),
    before.map((id) => kept(id)),
    installed,
    keep,
  );
  expect(list.map(({ id }) => id)).toEqual(expected);
});
