import { buildZip, type ZipEntry } from "../zip.ts";
import { METHOD } from "../zip-fields.ts";
import { goodEntries, goodZip, withEntries } from "./kit.ts";

/** A zip as real tools make it, which strict readers refuse: all readers that take it read the same from it. */
export interface ToolZip {
  readonly title: string;
  readonly zip: () => Buffer;
  /** What it has for the engine besides the good plugin's files, and for install.sh's folder besides README.md. */
  readonly engine?: readonly string[];
  readonly script?: readonly string[];
}

const BYTES_BEHIND: readonly ToolZip[] = [
  { title: "a line break after the end record (an editor, echo)", zip: () => goodZip({ suffix: "\r\n" }) },
  { title: "padding to blocks of 10,240 bytes (bsdtar in a pipe)", zip: () => padded10k(goodZip()) },
  { title: "padding after a comment", zip: () => padded10k(goodZip({ comment: "Made by EMQ." })) },
  {
    title: "padding after zip64's end records, with an end record's signature in the data",
    zip: () => {
      const note: ZipEntry = { name: "note", data: `PK\x05\x06${"-".repeat(30)}`, method: METHOD.stored };
      return padded10k(buildZip([...goodEntries(), note], { zip64End: {} }));
    },
    script: ["note"],
  },
  {
    title: "as many bytes after the end record as readers look through",
    zip: () => goodZip({ suffix: Buffer.alloc(0xffff) }),
  },
];

const DOT_SEGMENTS: readonly ToolZip[] = [
  {
    title: "./ before all names (bsdtar -C dir ., Windows' tar)",
    zip: () => buildZip([{ name: "./" }, { name: "./etc/" }, ...goodEntries().map(below("./"))]),
  },
  {
    title: "./ before some names, and in the middle",
    zip: () => withEntries({ name: "./etc/./a.csv", data: "1" }, { name: "docs/./b/./c", data: "1" }, { name: "x/./" }),
    engine: ["etc/sources/random/a.csv"],
    script: ["docs/b/c"],
  },
];

export const TOOL_ZIPS: readonly ToolZip[] = [...BYTES_BEHIND, ...DOT_SEGMENTS];

function below(prefix: string): (entry: ZipEntry) => ZipEntry {
  return (entry) => ({ ...entry, name: `${prefix}${entry.name}` });
}

function padded10k(zip: Buffer): Buffer {
  return Buffer.concat([zip, Buffer.alloc(10_240 - (zip.length % 10_240))]);
}
