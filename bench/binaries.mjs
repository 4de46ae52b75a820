import { open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

const LIBRARY_FOLDERS = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt"];
const SHARED_LIBRARY = /\.(so(\.[\d.]+)?|dylib)$/;
const MIN_BYTES = 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * `length` bytes of real programs: node's own, then the largest shared libraries of the machine, over and over should
 * they not suffice. (Deflate looks back 32 KiB, so it does not see the repetition.)
 */
export async function* realBinary(length) {
  const files = [process.execPath, ...(await sharedLibraries())];
  let left = length;
  for (let index = 0; left > 0; index = (index + 1) % files.length) {
    for await (const chunk of chunksOf(files[index])) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      yield part;
      if (left === 0) return;
    }
  }
}

/** The same in one piece, for small lengths. */
export async function smallBinary(length) {
  const chunks = [];
  for await (const chunk of realBinary(length)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(path) {
  const file = await open(path);
  try {
    yield* file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false });
  } finally {
    await file.close();
  }
}

async function sharedLibraries() {
  const sizes = new Map();
  for (const folder of LIBRARY_FOLDERS) {
    const items = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const item of items) {
      if (!item.isFile() || !SHARED_LIBRARY.test(item.name)) continue;
      const path = await realpath(join(item.parentPath, item.name));
      const { size } = await stat(path);
      if (size >= MIN_BYTES) sizes.set(path, size);
    }
  }
  return [...sizes].sort(([, a], [, b]) => b - a).map(([path]) => path);
}
