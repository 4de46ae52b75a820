import { gzipSync } from "node:zlib";
import { buildZip, endRecord, type ZipOptions } from "../zip.ts";
import { METHOD } from "../zip-fields.ts";
import { goodEntries, goodZip, type HostileZip, NOT_A_GOOD_ZIP, NOT_A_ZIP, withChanged, YAML_NAME } from "./kit.ts";

const END_RECORD_BYTES = 22;
const COUNT = goodEntries().length;

/** How many bytes of the good zip are left. */
const CUTS: Record<string, () => number> = {
  "the first byte alone": () => 1,
  "in the first local header": () => 20,
  "in the data of the first entry": () => 1000,
  "before the central directory": () => centralDirectory(),
  "in the central directory": () => centralDirectory() + 70,
  "before the end record": () => -END_RECORD_BYTES,
  "in the end record": () => -10,
  "the last byte lost": () => -1,
};

const NO_ZIPS: Record<string, () => Buffer> = {
  "an empty file": () => Buffer.alloc(0),
  "a web page": () => Buffer.from(`<!doctype html><title>404 Not Found</title>${"<p>Not found.</p>".repeat(100)}`),
  "a .tar.gz": () => gzipSync(goodZip()),
  zeros: () => Buffer.alloc(100_000),
  "no end record": () => goodZip().subarray(0, -END_RECORD_BYTES),
  "signatures and nothing else": () => Buffer.from("PK\x03\x04PK\x01\x02PK\x05\x06", "latin1"),
};

const END_RECORDS: Record<string, ZipOptions> = {
  "says fewer entries than there are": { end: { entries: COUNT - 1, entriesOnDisk: COUNT - 1 } },
  "says more entries than there are": { end: { entries: COUNT + 1, entriesOnDisk: COUNT + 1 } },
  "says 65534 entries": { end: { entries: 0xfffe, entriesOnDisk: 0xfffe } },
  "says no entries": { end: { entries: 0, entriesOnDisk: 0 } },
  "says fewer entries on this disk than in all": { end: { entriesOnDisk: 1 } },
  "says that the directory is empty": { end: { centralSize: 0 } },
  "says that the directory is smaller than it is": { end: { centralSize: 60 } },
  "says that the directory is larger than the file": { end: { centralSize: 0x7ffffff0 } },
  "says that the directory begins beyond the file": { end: { centralOffset: 0x7ffffff0 } },
  "says that the directory begins at the first entry": { end: { centralOffset: 0 } },
  "is that of the second disk": { end: { disk: 1 } },
  "says that the directory is on another disk": { end: { centralDisk: 1 } },
  "says a comment that is not there": { end: { commentLength: 100 } },
  "leaves its values to a zip64 record that is not there": {
    end: { entries: 0xffff, entriesOnDisk: 0xffff, centralSize: 0xffffffff, centralOffset: 0xffffffff },
  },
};

const ZIP64_END_RECORDS: Record<string, ZipOptions> = {
  "is said to be at 2^60": { zip64End: { recordOffset: 2n ** 60n } },
  "is said to be at 2^64 - 1": { zip64End: { recordOffset: 2n ** 64n - 1n } },
  "is said to be where it is not": { zip64End: { recordOffset: 0 } },
  "says that the directory begins at 2^60": { zip64End: { centralOffset: 2n ** 60n } },
  "says that the directory has 2^60 bytes": { zip64End: { centralSize: 2n ** 60n } },
  "says 2^60 entries": { zip64End: { entries: 2n ** 60n, entriesOnDisk: 2n ** 60n } },
  "says fewer entries than there are": { zip64End: { entries: 1, entriesOnDisk: 1 } },
  "is that of the second disk": { zip64End: { disk: 1 } },
  "disagrees with the plain end record": { zip64End: { plainEndToo: true, entries: 1, entriesOnDisk: 1 } },
};

/** Bytes after the end record in which, or before which, some readers would see another one. */
const SUFFIXES: Record<string, () => ZipOptions> = {
  "an end record of nothing": () => ({ suffix: endOfNothing() }),
  "an end record of nothing, and more": () => ({ suffix: Buffer.concat([endOfNothing(), Buffer.from("\n")]) }),
  "the same end record again": () => ({ suffix: secondEndRecord() }),
  "half of an end record": () => ({ suffix: endOfNothing().subarray(0, 12) }),
  "the signature alone": () => ({ suffix: Buffer.from("PK\x05\x06", "latin1") }),
  "a second zip, whose offsets are right": () => ({ suffix: Buffer.concat([secondZip(), Buffer.from("\n")]) }),
  "more than readers look through": () => ({ suffix: Buffer.alloc(70_000) }),
  "an end record in the comment": () => ({ comment: endOfNothing(), suffix: "more" }),
  "an end record in the comment that reaches to the end": () => ({ comment: endOfNothing(4), suffix: "more" }),
};

export const HOSTILE_FRAMES: readonly HostileZip[] = [
  ...Object.entries(NO_ZIPS).map(([title, zip]) => ({ title: `no zip: ${title}`, zip, refused: NOT_A_ZIP })),
  ...Object.entries(CUTS).map(([title, keep]) => ({
    title: `cut off: ${title}`,
    zip: () => goodZip({ truncateTo: keep() }),
    refused: NOT_A_ZIP,
  })),
  {
    title: "cut off: in the comment",
    zip: () => goodZip({ comment: "A comment that is cut off.", truncateTo: -5 }),
    refused: NOT_A_ZIP,
  },
  {
    title: "no entries",
    zip: () => buildZip([]),
    refused: /so file or conf file is missing/,
  },
  ...Object.entries(END_RECORDS).map(([title, options]) => ({
    title: `end record: ${title}`,
    zip: () => goodZip(options),
    refused: NOT_A_GOOD_ZIP,
  })),
  ...Object.entries(ZIP64_END_RECORDS).map(([title, options]) => ({
    title: `zip64 end record: ${title}`,
    zip: () => goodZip(options),
    refused: NOT_A_GOOD_ZIP,
  })),
  {
    title: "end record: another one in the comment, with no entries",
    zip: () => goodZip({ comment: Buffer.concat([endOfNothing(), Buffer.from("and more")]) }),
    refused: NOT_A_GOOD_ZIP,
  },
  {
    title: "end record: another one at the end of the comment, for the same directory",
    zip: () => goodZip({ comment: secondEndRecord() }),
    refused: NOT_A_GOOD_ZIP,
  },
  {
    title: "end record: a whole second zip in the comment",
    zip: () => {
      return goodZip({ comment: secondZip() });
    },
    refused: NOT_A_GOOD_ZIP,
  },
  ...Object.entries(SUFFIXES).map(([title, options]) => ({
    title: `bytes after the end record: ${title}`,
    zip: () => goodZip(options()),
    refused: NOT_A_GOOD_ZIP,
  })),
  {
    title: "bytes before the first entry that the offsets do not count",
    zip: () => goodZip({ prefix: "#!/bin/sh\nexec unzip $0\n", offsetsCountPrefix: false }),
    refused: NOT_A_GOOD_ZIP,
  },
];

function centralDirectory(): number {
  return goodZip().readUInt32LE(goodZip().length - END_RECORD_BYTES + 16);
}

/** Its offsets are right behind the good zip: a reader that takes the last end record sees another plugin. */
function secondZip(): Buffer {
  const first = goodZip();
  return withChanged(YAML_NAME, { data: "evil\n", method: METHOD.stored }, { prefix: first }).subarray(first.length);
}

function endOfNothing(commentLength = 0): Buffer {
  const nothing = { disk: 0, centralDisk: 0, entriesOnDisk: 0, entries: 0, centralSize: 0, centralOffset: 0 };
  return endRecord(nothing, commentLength);
}

function secondEndRecord(): Buffer {
  return goodZip().subarray(-END_RECORD_BYTES);
}
