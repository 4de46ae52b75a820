import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** Files by path: their text, `-> target` for a link, and null for a folder, whose path ends with a slash. */
export type Tree = Readonly<Record<string, string | null>>;

/** Everything below a folder. */
export async function readTree(folder: string): Promise<Tree> {
  const items = await readdir(folder, { recursive: true, withFileTypes: true });
  const pairs = items.map(async (item): Promise<[string, string | null]> => {
    const path = join(item.parentPath, item.name);
    const name = relative(folder, path);
    if (item.isDirectory()) return [`${name}/`, null];
    if (item.isSymbolicLink()) return [name, `-> ${await readlink(path)}`];
    return [name, await readFile(path, "utf8")];
  });
  return Object.fromEntries((await Promise.all(pairs)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export async function writeTree(folder: string, tree: Tree): Promise<void> {
  for (const [name, content] of Object.entries(tree)) {
    const path = join(folder, name);
    await mkdir(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (content === null) continue;
    if (content.startsWith("-> ")) await symlink(content.slice(3), path);
    else await writeFile(path, content);
  }
}
