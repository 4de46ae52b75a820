import { buildZip } from "../zip.ts";
import { DOS_FOLDER, extraField, FILE_TYPE, FLAG, HOST, METHOD, unicodePath } from "../zip-fields.ts";
import { goodEntries, goodZip, SO_NAME, withChanged, withEntries, YAML_NAME } from "./kit.ts";

/** A zip that looks odd and that real tools make: the plugin in it is to be installed. */
export interface AcceptedZip {
  readonly title: string;
  readonly zip: () => Buffer;
}

const uint32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);

/** Info-ZIP's `UT`: the central record has the modification time alone, the local header also the access time. */
const TIMES = {
  local: { extra: extraField(0x5455, Buffer.concat([Buffer.from([3]), uint32(1_600_000_000), uint32(1_600_000_001)])) },
  central: { extra: extraField(0x5455, Buffer.concat([Buffer.from([3]), uint32(1_600_000_000)])) },
};

/** Info-ZIP's `ux`: user and group. */
const OWNER = extraField(0x7875, Buffer.concat([Buffer.from([1, 4]), uint32(1000), Buffer.from([4]), uint32(1000)]));

const CAFE_IN_CP437 = Buffer.from("caf\x82.txt", "latin1");

export const AMBIGUOUS_BUT_ACCEPTED: readonly AcceptedZip[] = [
  { title: "nothing odd", zip: () => goodZip() },
  {
    title: "folder entries (zip -r)",
    zip: () => withEntries({ name: "etc/" }, { name: "etc/lookup/" }, { name: "docs/" }),
  },
  {
    title: "folder entries before their files",
    zip: () => buildZip([{ name: "etc/" }, { name: "etc/lookup/" }, ...goodEntries()]),
  },
  {
    title: "folder entries deflated to nothing (Java)",
    zip: () => withEntries({ name: "docs/", method: METHOD.deflated }),
  },
  {
    title: "folder entries by the MS-DOS attribute (Windows Explorer)",
    zip: () => withEntries({ name: "docs/", host: HOST.dos, externalAttributes: DOS_FOLDER }),
  },
  {
    title: "no Unix modes (Windows)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, host: HOST.dos, externalAttributes: 0x20 }))),
  },
  {
    title: "no modes at all (Python's writestr, Java)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, externalAttributes: 0 }))),
  },
  {
    title: "permissions without a kind of file (Python's writestr)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, mode: 0o600 }))),
  },
  {
    title: "modes with setuid, setgid and sticky, which are not honoured",
    zip: () => withChanged(SO_NAME, { mode: FILE_TYPE.regular | 0o7755 }),
  },
  { title: "files that nobody may read", zip: () => withChanged(YAML_NAME, { mode: FILE_TYPE.regular }) },
  {
    title: "data descriptors (Go, streams)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, dataDescriptor: "signed" }))),
  },
  {
    title: "data descriptors without a signature",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, dataDescriptor: "unsigned" }))),
  },
  {
    title: "data descriptors, and true sizes in the local header all the same",
    zip: () => withChanged(YAML_NAME, { dataDescriptor: "signed", local: trueSizes(YAML_NAME) }),
  },
  {
    title: "a data descriptor of a stored file",
    zip: () => withChanged(YAML_NAME, { dataDescriptor: "signed", method: METHOD.stored }),
  },
  {
    title: "zip64 without need",
    zip: () =>
      buildZip(
        goodEntries().map((entry) => ({ ...entry, zip64: "both" })),
        { zip64End: {} },
      ),
  },
  {
    title: "zip64 in the local headers alone (Python's force_zip64)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, zip64: "local" }))),
  },
  {
    title: "zip64 with data descriptors (zip from a pipe)",
    zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, zip64: "local", dataDescriptor: "signed" }))),
  },
  {
    title: "a zip64 end record beside a plain one that says the same",
    zip: () => goodZip({ zip64End: { plainEndToo: true } }),
  },
  { title: "names in UTF-8", zip: () => withEntries({ name: "etc/数据/überblick.csv", data: "1\n" }) },
  {
    title: "names in UTF-8 without the flag (old zip on Linux)",
    zip: () => withEntries({ name: Buffer.from("数据.csv"), data: "1\n" }),
  },
  { title: "the UTF-8 flag on plain names", zip: () => withChanged(YAML_NAME, { flags: FLAG.utf8 }) },
  { title: "names in code page 437", zip: () => withEntries({ name: CAFE_IN_CP437, data: "1\n" }) },
  {
    title: "a unicode path that says the same name",
    zip: () => withEntries({ name: CAFE_IN_CP437, data: "1\n", extra: unicodePath(CAFE_IN_CP437, "café.txt") }),
  },
  { title: "names with spaces, dots and dollars", zip: () => withEntries({ name: "etc/a b/..c/$d..", data: "1\n" }) },
  { title: "a segment of 255 bytes", zip: () => withEntries({ name: `etc/${"e".repeat(255)}`, data: "1\n" }) },
  { title: "the compression level in the flags", zip: () => withChanged(SO_NAME, { flags: 0b110 }) },
  { title: "a comment", zip: () => goodZip({ comment: "Made by EMQ." }) },
  { title: "the longest comment", zip: () => goodZip({ comment: "c".repeat(0xffff) }) },
  { title: "extended times and owners (Info-ZIP)", zip: () => withChanged(YAML_NAME, TIMES) },
  { title: "an owner in both records", zip: () => withChanged(YAML_NAME, { extra: OWNER }) },
  { title: "a local header padded for alignment (zipalign)", zip: () => withChanged(SO_NAME, padded()) },
  { title: "a stored .so", zip: () => withChanged(SO_NAME, { method: METHOD.stored }) },
  { title: "all stored", zip: () => buildZip(goodEntries().map((entry) => ({ ...entry, method: METHOD.stored }))) },
  { title: "an empty file", zip: () => withEntries({ name: "etc/empty", data: "" }) },
  {
    title: "an empty file, deflated",
    zip: () => withEntries({ name: "etc/empty", data: "", method: METHOD.deflated }),
  },
  {
    title: "1 MiB of zeros: a ratio counts above that",
    zip: () => withEntries({ name: "etc/zeros", data: Buffer.alloc(1024 * 1024) }),
  },
  {
    title: "the files that macOS adds",
    zip: () =>
      withEntries(
        { name: "__MACOSX/" },
        { name: `__MACOSX/._${SO_NAME}`, data: "\x00\x05\x16\x07" },
        { name: ".DS_Store", data: "\x00\x00\x00\x01Bud1" },
      ),
  },
  {
    title: "the end record's signature in the data",
    zip: () => withEntries({ name: "etc/note", data: "PK\x05\x06PK\x01\x02PK\x03\x04", method: METHOD.stored }),
  },
  { title: "a program before the first entry (zip -A)", zip: () => goodZip({ prefix: "#!/bin/sh\nexec unzip $0\n" }) },
  { title: "the entries in another order", zip: () => buildZip(goodEntries().reverse()) },
];

function trueSizes(name: string) {
  const zip = buildZip(goodEntries().filter((entry) => entry.name === name));
  return { crc32: zip.readUInt32LE(14), compressedSize: zip.readUInt32LE(18), uncompressedSize: zip.readUInt32LE(22) };
}

function padded() {
  return { local: { extra: extraField(0xd935, Buffer.alloc(14)) } };
}
