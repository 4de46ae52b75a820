import { crc32 } from "node:zlib";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";

/** An entry as yauzl reads it; the name has one character for each of its raw bytes. */
export interface ReadEntry {
  readonly name: string;
  readonly data: Buffer;
}

/** Reads a zip whole with yauzl, with no check of the names; broken records, sizes and CRCs throw. */
export async function readZip(zip: Buffer): Promise<ReadEntry[]> {
  const file = await fromBufferPromise(zip, { decodeStrings: false });
  const entries: ReadEntry[] = [];
  for await (const entry of file.eachEntry()) entries.push(await readEntry(file, entry));
  return entries;
}

async function readEntry(file: ZipFile, entry: Entry): Promise<ReadEntry> {
  const name = entry.fileNameRaw.toString("latin1");
  const data = Buffer.concat(await (await file.openReadStreamPromise(entry)).toArray());
  if (crc32(data) !== entry.crc32) throw new Error(`CRC of ${name}`);
  return { name, data };
}
