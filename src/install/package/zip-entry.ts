import type { LocalFileHeader } from "yauzl";

/** One entry of a zip, as its central record and its local header describe it. Nothing of it has been believed yet. */
export interface ZipEntry {
  /** The position in the central directory, from 0. */
  readonly index: number;
  readonly rawName: Buffer;
  /** Data of the Info-ZIP Unicode Path extra field, which some readers prefer to the name. */
  readonly unicodePath: Buffer | undefined;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly externalAttributes: number;
  /** Where the local header begins, and where the data behind it does; in bytes from the beginning of the file. */
  readonly headerStart: number;
  readonly dataStart: number;
  readonly local: LocalFileHeader;
}

export interface ZipArchive {
  readonly entries: readonly ZipEntry[];
  /** Where the central directory begins: no data may reach it. */
  readonly directoryStart: number;
}
