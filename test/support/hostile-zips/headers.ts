import { deflateRawSync } from "node:zlib";
import { buildZip, type OffsetOf, type ZipEntry } from "../zip.ts";
import { extraField, FLAG, IN_ZIP64, METHOD, zip64Extra } from "../zip-fields.ts";
import {
  changed,
  goodData,
  type HostileZip,
  NOT_A_GOOD_ZIP,
  names,
  withChanged,
  withEntries,
  YAML_NAME,
} from "./kit.ts";

const HEADER = /header|local|central|differ|disagree|match|record/;
const OFFSET = /header|offset|outside|beyond|past|end|overlap|truncated|directory/;

/** One reader believes the local header, another one the central record. */
const TWO_READINGS: Record<string, Partial<ZipEntry>> = {
  "another name": { local: { name: "../evil.txt" } },
  "a name that differs by case": { local: { name: "Random.yaml" } },
  "another name of the same length": { local: { name: "evil12.yaml" } },
  "no name": { local: { name: "" } },
  "stored in the local header": { local: { method: METHOD.stored } },
  "stored in the central record": { method: METHOD.stored, local: { method: METHOD.deflated } },
  "another packed size": { local: { compressedSize: 1 } },
  "another unpacked size": { local: { uncompressedSize: 1 } },
  "no sizes, without a data descriptor": { local: { compressedSize: 0, uncompressedSize: 0, crc32: 0 } },
  "another CRC": { local: { crc32: 1 } },
  "encrypted in the local header": { local: { flags: FLAG.encrypted } },
  "a patch in the local header": { local: { flags: FLAG.patchedData } },
  "masked headers in the local header": { local: { flags: FLAG.maskedHeaders } },
  "a data descriptor in the local header": { local: { flags: FLAG.dataDescriptor } },
  "a data descriptor in the central record": { central: { flags: FLAG.dataDescriptor } },
  "a data descriptor in the local header, where another follows": {
    local: { flags: FLAG.dataDescriptor },
    packed: Buffer.concat([deflateRawSync(goodData(YAML_NAME)), Buffer.from("PK\x07\x08"), Buffer.alloc(12)]),
    compressedSize: deflateRawSync(goodData(YAML_NAME)).length,
  },
  "a data descriptor, and another size in the local header": {
    dataDescriptor: "signed",
    local: { uncompressedSize: 1, compressedSize: 1 },
  },
  "zip64, and another size there": {
    local: { compressedSize: IN_ZIP64, uncompressedSize: IN_ZIP64, extra: zip64Extra(1, 1) },
  },
};

const OFFSETS: Record<string, number | OffsetOf> = {
  "beyond the file": 0x7ffffff0,
  "at the central directory": ({ centralDirectory }) => centralDirectory,
  "in the middle of the central directory": ({ centralDirectory }) => centralDirectory + 60,
  "just before the central directory": ({ centralDirectory }) => centralDirectory - 10,
  "where there is no header": ({ localHeaders }) => (localHeaders[1] ?? 0) + 1,
};

const ZIP64_LIES: Record<string, Partial<ZipEntry>> = {
  "an offset of 2^63": { offset: IN_ZIP64, central: { extra: zip64Extra(2n ** 63n) } },
  "an offset just under 2^53": { offset: IN_ZIP64, central: { extra: zip64Extra(2n ** 53n - 1n) } },
  "an unpacked size of 2^60": { central: { uncompressedSize: IN_ZIP64, extra: zip64Extra(2n ** 60n) } },
  "an unpacked size of 2^64 - 1": { central: { uncompressedSize: IN_ZIP64, extra: zip64Extra(2n ** 64n - 1n) } },
  "a packed size of 2^60": { central: { compressedSize: IN_ZIP64, extra: zip64Extra(2n ** 60n) } },
  "values announced but absent": { central: { compressedSize: IN_ZIP64, uncompressedSize: IN_ZIP64 } },
  "a field too short for its values": {
    central: { compressedSize: IN_ZIP64, uncompressedSize: IN_ZIP64, extra: extraField(1, Buffer.alloc(8)) },
  },
};

/** The flag says in which encoding the name is. */
const UTF8_IN_ONE: Record<string, Partial<ZipEntry>> = {
  "the local header": { local: { flags: FLAG.utf8 } },
  "the central record": { central: { flags: FLAG.utf8 } },
};

export const HOSTILE_HEADERS: readonly HostileZip[] = [
  ...Object.entries(UTF8_IN_ONE).map(([title, change]) => ({
    title: `local header: UTF-8 in ${title} alone`,
    zip: () => withEntries({ name: Buffer.from("caf\u00e9"), data: "1", ...change }),
    refused: names("caf\u00e9", HEADER),
  })),
  ...Object.entries(TWO_READINGS).map(([title, change]) => ({
    title: `local header: ${title}`,
    zip: () => withChanged(YAML_NAME, change),
    refused: names(YAML_NAME, HEADER),
  })),
  ...Object.entries(OFFSETS).map(([title, offset]) => ({
    title: `offset: ${title}`,
    zip: () => withChanged(YAML_NAME, { offset }),
    refused: names(YAML_NAME, OFFSET),
  })),
  ...Object.entries(ZIP64_LIES).map(([title, change]) => ({
    title: `zip64: ${title}`,
    zip: () => withChanged(YAML_NAME, change),
    refused: NOT_A_GOOD_ZIP,
  })),
  {
    title: "extra field: one that is said to be longer than all of them",
    zip: () => withChanged(YAML_NAME, { central: { extra: extraField(0x5455, Buffer.alloc(5), 0xffff) } }),
    refused: NOT_A_GOOD_ZIP,
  },
  {
    title: "extra field: the second one runs over",
    zip: () => {
      const extra = Buffer.concat([extraField(0x5455, Buffer.alloc(5)), extraField(0x7875, Buffer.alloc(3), 4)]);
      return buildZip(changed(YAML_NAME, { central: { extra } }));
    },
    refused: NOT_A_GOOD_ZIP,
  },
];
