import type { FilePath } from "../../domain/plugin.ts";

const MAX_NAME_BYTES = 255;

/** A name with an ending, cut so that the file system takes it. Two long names can be the same then. */
export function withSuffix(path: FilePath, suffix: string): FilePath {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  let name = path.slice(folder.length);
  while (Buffer.byteLength(name + suffix) > MAX_NAME_BYTES) name = [...name].slice(0, -1).join("");
  return `${folder}${name}${suffix}` as FilePath;
}

/** `path.new`, `path.new.1`, …: every one there could be, for whoever looks for a free one. */
export function* suffixed(path: FilePath, suffix: string): Generator<FilePath, never> {
  for (let count = 0; ; count += 1) yield withSuffix(path, count === 0 ? suffix : `${suffix}.${count}`);
}
