/** One entry of a zip, as its central record and its local header describe it. Nothing of it has been believed yet. */
export interface ZipEntry {
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
  readonly local: LocalFacts;
}

/** What an entry's local header says. No bytes of it are kept: ten thousand headers can be a gigabyte. */
export interface LocalFacts {
  readonly hasSameName: boolean;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  /** With the zip64 field taken into account; undefined where its extra fields are broken. */
  readonly sizes: { readonly compressed: number; readonly uncompressed: number } | undefined;
}

export interface ZipArchive {
  readonly entries: readonly ZipEntry[];
  /** Where the central directory begins: no data may reach it. */
  readonly directoryStart: number;
}
