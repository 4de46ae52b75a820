import { constants, inflate } from "node:zlib";
import { FieldReader } from "../elf/fields.ts";
import type { ElfImage } from "../elf/image.ts";
import { findSection, type Section } from "../elf/sections.ts";

/** Go's own code is linked first, so its compiler is named near the beginning. */
const READ_BYTES = 64 * 1024;
/** Debug information shrinks to a third or a quarter. */
const MAX_INFLATED_BYTES = 16 * 1024 * 1024;

const ELFCOMPRESS_ZLIB = 1;
/** `ZLIB` and the inflated size, before the data of a `.zdebug_info`. */
const ZDEBUG_HEADER_BYTES = 12;

/**
 * The version of Go in the debug information (`DW_AT_producer`): `Go cmd/compile go1.19.8; -shared regabi`.
 *
 * @returns `""` when there is none, or it is compressed in a way that Node 20 can't read
 * @throws Unreadable
 */
export async function readProducer(image: ElfImage): Promise<string> {
  const section = await findSection(image, [".debug_info", ".zdebug_info"]);
  if (section === undefined) return "";
  const bytes = await image.file.read(section.offset, Math.min(section.size, READ_BYTES));
  const content = await decompressed(image, section, bytes);
  return /Go cmd\/compile ([\x21-\x3a\x3c-\x7e]{1,100})/.exec(content ?? "")?.[1] ?? "";
}

async function decompressed(
  image: ElfImage,
  { name, isCompressed }: Section,
  bytes: Buffer,
): Promise<string | undefined> {
  const headerBytes = 3 * image.format.wordBytes;
  if (name === ".zdebug_info") return await inflated(bytes.subarray(ZDEBUG_HEADER_BYTES));
  if (!isCompressed) return bytes.toString("latin1");
  if (bytes.length < headerBytes) return undefined;
  return new FieldReader(bytes, image.format).u32(0) === ELFCOMPRESS_ZLIB
    ? await inflated(bytes.subarray(headerBytes))
    : undefined;
}

/** As much as there is, since the end of the data was not read. undefined when it is broken or a bomb. */
async function inflated(bytes: Buffer): Promise<string | undefined> {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES };
  return await new Promise((done) => {
    inflate(bytes, options, (error, result) => done(error === null ? result.toString("latin1") : undefined));
  });
}
