import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { type FilePath, volumeOf } from "../domain/file-path.ts";
import type { Move } from "./change.ts";
import { duplicateFile, exists } from "./durable.ts";
import type { Layout } from "./layout.ts";
import type { Workspace } from "./workspace.ts";

const MAX_NAME_BYTES = 255;

/** A configuration file that a change replaces or removes. */
export interface Touched {
  readonly path: FilePath;
  /** What the file may be without being worth keeping: as it was installed, or as it is about to be. */
  readonly sha256?: string;
}

/**
 * The moves that keep what users wrote: a file with other content than expected becomes `<name>.bak`, or
 * `<name>.bak.1` and so on where that is taken.
 */
export async function keepEditedFiles(
  touched: readonly Touched[],
  layout: Layout,
  workspace: Workspace,
): Promise<Move[]> {
  const moves: Move[] = [];
  const taken = new Set<string>(touched.map(({ path }) => path));
  for (const { path, sha256 } of touched) {
    const file = layout.absolute(path);
    if (volumeOf(path) !== "etc" || !(await exists(file))) continue;
    const stat = await lstat(file);
    if (stat.isDirectory()) continue; // in the way: the change will be refused for it
    if (stat.isFile() && sha256 !== undefined && (await sha256OfFile(file)) === sha256) continue;
    const target = await freeBackupName(path, taken, layout);
    taken.add(target); // two long names can be the same once they are cut
    const { name: staged, path: copy } = workspace.stage(target);
    await duplicateFile(file, copy);
    moves.push({ target, staged });
  }
  return moves;
}

/** A name that nothing has, neither on the disk nor in the change itself. */
async function freeBackupName(path: FilePath, taken: ReadonlySet<string>, layout: Layout): Promise<FilePath> {
  for (let count = 0; ; count += 1) {
    const name = withSuffix(path, count === 0 ? ".bak" : `.bak.${count}`);
    if (!taken.has(name) && !(await exists(layout.absolute(name)))) return name;
  }
}

/** A name with an ending, cut so that the file system takes it. */
function withSuffix(path: FilePath, suffix: string): FilePath {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  let name = path.slice(folder.length);
  while (Buffer.byteLength(name + suffix) > MAX_NAME_BYTES) name = [...name].slice(0, -1).join("");
  return `${folder}${name}${suffix}` as FilePath;
}

async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
