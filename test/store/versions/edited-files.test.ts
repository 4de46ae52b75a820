import { createHash } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import { Workspace } from "../../../src/store/journal/workspace.ts";
import { Layout } from "../../../src/store/layout.ts";
import { keepEditedFiles, type ReplacedFile } from "../../../src/store/versions/edited-files.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { readTree, type Tree, writeTree } from "../../support/tree.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const YAML = "etc/sources/random.yaml";

/** What the folders have after the moves were carried out; work in progress left aside. */
async function kept(before: Tree, replaced: readonly ReplacedFile[]): Promise<Tree> {
  const layout = new Layout(await tempFolder());
  await writeTree(layout.base, before);
  const workspace = await Workspace.create(layout);
  const moves = await keepEditedFiles(replaced, layout, workspace);
  expect(Object.entries(await readTree(layout.base))).toEqual(expect.arrayContaining(Object.entries(before)));
  for (const { target, staged } of moves) {
    await mkdir(dirname(layout.absolute(target)), { recursive: true });
    await rename(workspace.file("etc", staged ?? ""), layout.absolute(target));
  }
  await workspace.remove();
  const after = await readTree(layout.base);
  return Object.fromEntries(
    Object.entries(after).filter(([path]) => !path.endsWith("/") && !Object.hasOwn(before, path)),
  );
}

it.each<[string, Tree, ReplacedFile[], Tree]>([
  ["an edited file", { [YAML]: "mine" }, [{ path: YAML, sha256: sha256("shipped") }], { [`${YAML}.bak`]: "mine" }],
  ["one of unknown origin", { [YAML]: "mine" }, [{ path: YAML }], { [`${YAML}.bak`]: "mine" }],
  ["an empty one", { [YAML]: "" }, [{ path: YAML, sha256: sha256("shipped") }], { [`${YAML}.bak`]: "" }],
  [
    "beside earlier ones",
    { [YAML]: "3", [`${YAML}.bak`]: "1", [`${YAML}.bak.1`]: "2" },
    [{ path: YAML }],
    { [`${YAML}.bak.2`]: "3" },
  ],
  ["beside a link", { [YAML]: "2", [`${YAML}.bak`]: "-> nowhere" }, [{ path: YAML }], { [`${YAML}.bak.1`]: "2" }],
  [
    "beside a file of the change itself",
    { [YAML]: "mine" },
    [{ path: YAML }, { path: `${YAML}.bak` as typeof YAML }],
    { [`${YAML}.bak.1`]: "mine" },
  ],
  [
    "one of several",
    { [YAML]: "same", "etc/sources/random/a": "mine" },
    [
      { path: YAML, sha256: sha256("same") },
      { path: "etc/sources/random/a", sha256: sha256("shipped") },
    ],
    { "etc/sources/random/a.bak": "mine" },
  ],
  [
    "a link, as a link",
    { [YAML]: "-> other", "etc/sources/other": "same" },
    [{ path: YAML, sha256: sha256("same") }],
    { [`${YAML}.bak`]: "-> other" },
  ],
  ["a link to nothing", { [YAML]: "-> nowhere" }, [{ path: YAML }], { [`${YAML}.bak`]: "-> nowhere" }],
])("keeps %s", async (_, before, touched, expected) => {
  expect(await kept(before, touched)).toEqual(expected);
});

it.each<[string, Tree, ReplacedFile]>([
  ["an unedited file", { [YAML]: "same" }, { path: YAML, sha256: sha256("same") }],
  ["what is not there", { "etc/sources/": null }, { path: YAML, sha256: sha256("same") }],
  ["what has no folder", {}, { path: "etc/sources/random/a/b" }],
  ["a .so", { "plugins/sources/random.so": "other" }, { path: "plugins/sources/random.so", sha256: sha256("so") }],
  ["a folder, which is refused later", { [`${YAML}/a`]: "mine" }, { path: YAML, sha256: sha256("same") }],
])("does not keep %s", async (_, before, touched) => {
  expect(await kept(before, [touched])).toEqual({});
});
