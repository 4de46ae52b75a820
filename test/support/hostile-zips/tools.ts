import { buildZip, type ZipEntry } from "../zip.ts";
import { FLAG, HOST, METHOD, unicodePath } from "../zip-fields.ts";
import { goodEntries, goodZip, SO_NAME, withChanged, withEntries } from "./kit.ts";

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

const latin1 = (bytes: string) => Buffer.from(bytes, "latin1");
const CONFIG_IN_GBK = "\xc5\xe4\xd6\xc3";

const ENCODINGS: readonly ToolZip[] = [
  {
    title: "a name in GBK that only install.sh can use (Windows in China)",
    zip: () => withEntries({ name: latin1(`${CONFIG_IN_GBK}.txt`), data: "1" }),
    script: [`${CONFIG_IN_GBK}.txt`],
  },
  {
    title: "a folder in GBK",
    zip: () => withEntries({ name: latin1(`${CONFIG_IN_GBK}/`) }, { name: latin1(`${CONFIG_IN_GBK}/a/b`), data: "1" }),
    script: [`${CONFIG_IN_GBK}/a/b`],
  },
  {
    title: "Shift-JIS, whose second byte can be that of a backslash (Windows in Japan)",
    zip: () => withEntries({ name: latin1("docs/\x95\x5c.txt"), data: "1", host: HOST.dos }),
    script: ["docs/\x95\x5c.txt"],
  },
  {
    title: "a long name in Shift-JIS",
    zip: () => withEntries({ name: latin1("\x95\x5c".repeat(125)), data: "1" }),
    script: ["\x95\x5c".repeat(125)],
  },
  {
    title: "a unicode path of a name in GBK (WinRAR, WinZip)",
    zip: () => withEntries(withUnicodePath(latin1(`etc/${CONFIG_IN_GBK}.json`), "etc/配置.json")),
    engine: ["etc/sources/random/配置.json"],
  },
  {
    title: "a unicode path of a name with escapes (Info-ZIP on Windows)",
    zip: () => withEntries(withUnicodePath(latin1("etc/#U914d#U7f6e#L01f600.json"), "etc/配置😀.json")),
    engine: ["etc/sources/random/配置😀.json"],
  },
  {
    title: "a unicode path of a name whose characters the code page lacks",
    zip: () => withEntries(withUnicodePath(latin1("etc/??_a.json"), "etc/配置_a.json")),
    engine: ["etc/sources/random/配置_a.json"],
  },
  {
    title: "UTF-8 without the flag (macOS)",
    zip: () => withEntries({ name: Buffer.from("etc/配置.json"), data: "1" }),
    engine: ["etc/sources/random/配置.json"],
  },
];

const DESCRIBED_ONCE = { dataDescriptor: "signed", central: { flags: 0 } } as const;

const HEADERS: readonly ToolZip[] = [
  {
    title: "the UTF-8 flag of an ASCII name in the local header alone",
    zip: () => withChanged(SO_NAME, { local: { flags: FLAG.utf8 } }),
  },
  {
    title: "the UTF-8 flag of an ASCII name in the central record alone",
    zip: () => withChanged(SO_NAME, { central: { flags: FLAG.utf8 } }),
  },
  {
    title: "a data descriptor that the local header alone announces",
    zip: () => withChanged(SO_NAME, DESCRIBED_ONCE),
  },
  {
    title: "such a data descriptor without a signature",
    zip: () => withChanged(SO_NAME, { ...DESCRIBED_ONCE, dataDescriptor: "unsigned" }),
  },
  {
    title: "such data descriptors with zip64",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, ...DESCRIBED_ONCE, zip64: "local" }))),
  },
  {
    title: "flags without a meaning in one header",
    zip: () => withChanged(SO_NAME, { local: { flags: 1 << 7 }, central: { flags: 1 << 15 } }),
  },
];

/** Entries that are nothing to the engine: install.sh finds those that have one reading. */
const BESIDE: readonly ToolZip[] = [
  {
    title: "README.md and readme.md",
    zip: () => withEntries({ name: "readme.md", data: "1" }),
    script: ["readme.md"],
  },
  {
    title: "LICENSE and license/",
    zip: () => withEntries({ name: "LICENSE", data: "1" }, { name: "license/" }, { name: "license/MIT", data: "1" }),
    script: ["LICENSE", "license/MIT"],
  },
  {
    title: "NOTICE twice (merged jars)",
    zip: () => withEntries({ name: "NOTICE", data: "1" }, { name: "NOTICE", data: "2" }),
  },
  {
    title: "LICENSE as a file and as a folder",
    zip: () =>
      withEntries(
        { name: "LICENSE/" },
        { name: "LICENSE/MIT", data: "1" },
        { name: "a", data: "1" },
        { name: "LICENSE", data: "1" },
      ),
    script: ["a"],
  },
  {
    title: "composed and decomposed names",
    zip: () => withEntries({ name: "caf\u00e9", data: "1" }, { name: "cafe\u0301", data: "1" }),
    script: ["cafe\xcc\x81", "caf\xc3\xa9"],
  },
];

const fromWindows = (host: number) => (entry: ZipEntry) => ({
  ...entry,
  name: String(entry.name).replaceAll("/", "\\"),
  host,
  externalAttributes: 0x20,
});

const BACKSLASHES: readonly ToolZip[] = [
  ...[HOST.dos, HOST.ntfs].map((host) => ({
    title: `backslashes (.NET before 4.6.1, maker ${host})`,
    zip: () => buildZip([{ name: "etc/" }, ...goodEntries(), { name: "docs/a/b", data: "1" }].map(fromWindows(host))),
    script: ["docs/a/b"],
  })),
  {
    title: "a backslash before a name in Shift-JIS that has the byte of one",
    zip: () =>
      withEntries(...[{ name: "a.txt", data: "1" }].map(fromWindows(HOST.dos)), {
        name: latin1("\x95\x5c\x95\x5c.txt"),
        data: "1",
        host: HOST.dos,
      }),
    script: ["a.txt", "\x95\x5c\x95\x5c.txt"],
  },
  {
    title: "backslashes of one entry, slashes of the others",
    zip: () => withEntries({ name: "etc\\a.csv", data: "1", host: HOST.dos }),
    engine: ["etc/sources/random/a.csv"],
  },
];

export const TOOL_ZIPS: readonly ToolZip[] = [
  ...BYTES_BEHIND,
  ...DOT_SEGMENTS,
  ...ENCODINGS,
  ...HEADERS,
  ...BESIDE,
  ...BACKSLASHES,
];

function withUnicodePath(name: Buffer, unicode: string): ZipEntry {
  return { name, data: "1", extra: unicodePath(name, unicode) };
}

function below(prefix: string): (entry: ZipEntry) => ZipEntry {
  return (entry) => ({ ...entry, name: `${prefix}${entry.name}` });
}

function padded10k(zip: Buffer): Buffer {
  return Buffer.concat([zip, Buffer.alloc(10_240 - (zip.length % 10_240))]);
}
