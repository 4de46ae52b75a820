import { crc32 } from "node:zlib";

/** Bits of the general purpose flags. */
export const FLAG = {
  encrypted: 1 << 0,
  dataDescriptor: 1 << 3,
  patchedData: 1 << 5,
  strongEncryption: 1 << 6,
  utf8: 1 << 11,
  maskedHeaders: 1 << 13,
} as const;

/** The system that made an entry: it says how the external attributes are to be read. */
export const HOST = { dos: 0, unix: 3, ntfs: 10, darwin: 19 } as const;

/** The kind of a file in a Unix mode. */
export const FILE_TYPE = {
  fifo: 0o010000,
  characterDevice: 0o020000,
  folder: 0o040000,
  blockDevice: 0o060000,
  regular: 0o100000,
  link: 0o120000,
  socket: 0o140000,
} as const;

/** The MS-DOS attribute of a folder. */
export const DOS_FOLDER = 0x10;

export const METHOD = { stored: 0, deflated: 8 } as const;

/** Stands in a 32-bit field whose value is in the zip64 extra field. */
export const IN_ZIP64 = 0xffffffff;

/** One field of the extra data of an entry. `size` is the length that it claims to have. */
export function extraField(id: number, data: Buffer, size = data.length): Buffer {
  return Buffer.concat([uint16(id), uint16(size), data]);
}

/** The zip64 extra field, with just the given values in it. */
export function zip64Extra(...values: (number | bigint)[]): Buffer {
  return extraField(0x0001, Buffer.concat(values.map(uint64)));
}

/** Info-ZIP's unicode path: the name in UTF-8, tied to the `plain` one by its CRC. */
export function unicodePath(plain: string | Buffer, unicode: string): Buffer {
  return extraField(0x7075, Buffer.concat([Buffer.from([1]), uint32(crc32(bytes(plain))), Buffer.from(unicode)]));
}

export function record(signature: string, fixed: readonly Buffer[], variable: readonly Buffer[] = []): Buffer {
  return Buffer.concat([Buffer.from(signature, "latin1"), ...fixed, ...variable]);
}

export function bytes(value: string | Buffer | undefined): Buffer {
  return typeof value === "string" ? Buffer.from(value) : (value ?? Buffer.alloc(0));
}

export function uint16(value: number | bigint): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16LE(Number(value));
  return buffer;
}

export function uint32(value: number | bigint): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(Number(value));
  return buffer;
}

export function uint64(value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}
