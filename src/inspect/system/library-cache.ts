import { readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { Fields } from "../elf/fields.ts";

/** Layout from glibc's sysdeps/generic/dl-cache.h; an older layout may come before it. */
const MAGIC = Buffer.from("glibc-ld.so.cache1.1");
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_PATH_BYTES = 4096;

/**
 * Where `ldconfig` found libraries of a name, for all CPUs that it knows. glibc looks there and not at the folders of
 * /etc/ld.so.conf, so a library that was installed without `ldconfig` is not found, as in a start of the engine.
 *
 * @returns gives nothing when the cache can't be read or understood
 */
export async function readLibraryCache(cacheFile: string): Promise<(name: string) => string[]> {
  const none = () => [];
  const cache = await readFile(cacheFile).catch(() => undefined);
  if (cache === undefined || cache.length > MAX_BYTES) return none;
  const start = cache.indexOf(MAGIC);
  if (start === -1 || start + HEADER_BYTES > cache.length) return none;
  const bytes = cache.subarray(start);
  const fields = new Fields(bytes, { littleEndian: endianness() === "LE", wordBytes: 4 });
  const count = fields.u32(MAGIC.length);
  if (HEADER_BYTES + count * ENTRY_BYTES > bytes.length) return none;
  return (name) => pathsOf(name, bytes, fields, count);
}

function pathsOf(name: string, bytes: Buffer, fields: Fields, count: number): string[] {
  const wanted = Buffer.from(`${name}\0`);
  const paths: string[] = [];
  for (let at = HEADER_BYTES; at < HEADER_BYTES + count * ENTRY_BYTES; at += ENTRY_BYTES) {
    const key = fields.u32(at + 4);
    if (bytes[key] !== wanted[0] || !bytes.subarray(key, key + wanted.length).equals(wanted)) continue;
    const value = bytes.subarray(fields.u32(at + 8)).subarray(0, MAX_PATH_BYTES);
    const end = value.indexOf(0);
    if (end > 0) paths.push(value.toString("utf8", 0, end));
  }
  return paths;
}
