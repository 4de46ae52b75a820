import { deflateRawSync } from "node:zlib";
import type { ZipEntry } from "../zip.ts";
import { METHOD } from "../zip-fields.ts";
import {
  CHECKSUM,
  goodData,
  HOSTILE_LIMITS,
  type HostileZip,
  names,
  SO_NAME,
  says,
  withChanged,
  withEntries,
  YAML_NAME,
} from "./kit.ts";

const MiB = 1024 * 1024;
const SIZE = /size|bytes|large|long|more|less|short|big/;

/** Said by both records, so that only inflating shows it. */
const LIES: readonly HostileZip[] = [
  {
    title: "size: unpacks to more than it says",
    zip: () => withChanged(SO_NAME, { uncompressedSize: goodData(SO_NAME).length - 1 }),
    refused: names(SO_NAME, SIZE),
  },
  {
    title: "size: unpacks to less than it says",
    zip: () => withChanged(SO_NAME, { uncompressedSize: goodData(SO_NAME).length + 1 }),
    refused: names(SO_NAME, SIZE),
  },
  {
    title: "size: says that it is empty",
    zip: () => withChanged(SO_NAME, { uncompressedSize: 0 }),
    refused: names(SO_NAME, SIZE),
  },
  {
    title: "size: 10 MB that say to be 100 bytes",
    zip: () => withEntries({ name: "evil.bin", data: Buffer.alloc(10 * MiB), uncompressedSize: 100 }),
    refused: names("evil.bin"),
  },
  {
    title: "size: stored, says to be larger than it is stored",
    zip: () => withChanged(YAML_NAME, { method: METHOD.stored, uncompressedSize: goodData(YAML_NAME).length + 1 }),
    refused: names(YAML_NAME, SIZE),
  },
  {
    title: "size: stored, says to be smaller than it is stored",
    zip: () => withChanged(YAML_NAME, { method: METHOD.stored, uncompressedSize: goodData(YAML_NAME).length - 1 }),
    refused: names(YAML_NAME, SIZE),
  },
  {
    title: "size: packed, smaller than it is",
    zip: () => withChanged(SO_NAME, { compressedSize: deflated(SO_NAME).length - 1 }),
    refused: names(SO_NAME),
  },
  {
    title: "size: packed, larger than it is",
    zip: () => withChanged(SO_NAME, { compressedSize: deflated(SO_NAME).length + 1 }),
    refused: says(/overlap|random/),
  },
  {
    title: "size: packed, none at all",
    zip: () => withChanged(SO_NAME, { compressedSize: 0 }),
    refused: names(SO_NAME),
  },
];

/** Too much, told openly. */
const TOO_MUCH: readonly HostileZip[] = [
  {
    title: "limit: an entry over its cap",
    zip: () => withEntries(stored("evil.bin", HOSTILE_LIMITS.maxEntryBytes + 1)),
    refused: names("evil.bin", SIZE),
  },
  {
    title: "limit: all of it over the cap",
    zip: () => withEntries(stored("a.bin", 8 * MiB), stored("b.bin", 8 * MiB)),
    refused: says(/total|unpack|whole|bytes|large/),
  },
  {
    title: "limit: all of it over the cap, by files too small for a ratio",
    zip: () => withEntries(...numbered(17, { data: Buffer.alloc(MiB) })),
    refused: says(/total|unpack|whole|bytes|large/),
  },
  {
    title: "limit: 10 MB of zeros in 10 kB",
    zip: () => withEntries({ name: "evil.bin", data: Buffer.alloc(10 * MiB) }),
    refused: names("evil.bin", /ratio|times|pack|compress/),
  },
  {
    title: "limit: too many entries",
    zip: () => withEntries(...numbered(HOSTILE_LIMITS.maxEntries, { data: "" })),
    refused: says(/entries/),
  },
  {
    title: "limit: too many folders",
    zip: () => withEntries(...numbered(HOSTILE_LIMITS.maxEntries, {}, "/")),
    refused: says(/entries/),
  },
];

const DAMAGED = /deflate|damaged|corrupt|broken|data|pack|compress|checksum/;

const DAMAGE: readonly HostileZip[] = [
  {
    title: "checksum: deflated",
    zip: () => withChanged(SO_NAME, { crc32: 0x12345678 }),
    refused: CHECKSUM,
  },
  {
    title: "checksum: stored",
    zip: () => withChanged(YAML_NAME, { method: METHOD.stored, crc32: 0x12345678 }),
    refused: CHECKSUM,
  },
  {
    title: "checksum: of an empty file",
    zip: () => withEntries({ name: "evil.txt", data: "", crc32: 1 }),
    refused: CHECKSUM,
  },
  {
    title: "checksum: one bit of a stored .so has fallen over",
    zip: () => withChanged(SO_NAME, { method: METHOD.stored, packed: withFlippedBit(goodData(SO_NAME)) }),
    refused: CHECKSUM,
  },
  {
    title: "data: the deflate stream stops in the middle",
    zip: () => withChanged(SO_NAME, { packed: deflated(SO_NAME).subarray(0, 2000) }),
    refused: names(SO_NAME, DAMAGED),
  },
  {
    title: "data: the deflate stream lacks its last byte",
    zip: () => withChanged(SO_NAME, { packed: deflated(SO_NAME).subarray(0, -1) }),
    refused: names(SO_NAME, DAMAGED),
  },
  {
    title: "data: something follows the deflate stream",
    zip: () => withChanged(SO_NAME, { packed: Buffer.concat([deflated(SO_NAME), Buffer.from("hidden")]) }),
    refused: names(SO_NAME),
  },
  {
    title: "data: a second deflate stream follows",
    zip: () => withChanged(SO_NAME, { packed: Buffer.concat([deflated(SO_NAME), deflated(YAML_NAME)]) }),
    refused: names(SO_NAME),
  },
  {
    title: "data: no deflate stream at all",
    zip: () => withChanged(SO_NAME, { packed: Buffer.alloc(3000, 0xff) }),
    refused: names(SO_NAME, DAMAGED),
  },
  {
    title: "data: a deflate stream that reaches back before its beginning",
    // One block of fixed codes whose first symbol is a match: there is nothing yet that it could repeat.
    zip: () => withChanged(YAML_NAME, { packed: Buffer.from([0x03, 0x02, 0x00]) }),
    refused: names(YAML_NAME, DAMAGED),
  },
  {
    title: "data: says deflated and is stored",
    zip: () => withChanged(SO_NAME, { packed: goodData(SO_NAME) }),
    refused: names(SO_NAME, DAMAGED),
  },
];

export const HOSTILE_SIZES: readonly HostileZip[] = [...LIES, ...TOO_MUCH, ...DAMAGE];

function deflated(name: string): Buffer {
  return deflateRawSync(goodData(name));
}

function stored(name: string, length: number): ZipEntry {
  return { name, data: Buffer.alloc(length), method: METHOD.stored };
}

function numbered(count: number, entry: Omit<ZipEntry, "name">, suffix = ".bin"): ZipEntry[] {
  return Array.from({ length: count }, (_, index) => ({ ...entry, name: `evil-${index}${suffix}` }));
}

function withFlippedBit(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}
