import { deflateRawSync } from "node:zlib";
import { localHeader, type OffsetOf, type ZipEntry } from "../zip.ts";
import { METHOD } from "../zip-fields.ts";
import { goodData, goodEntries, type HostileZip, names, SO_NAME, says, withEntries, YAML_NAME } from "./kit.ts";

const OVERLAP = /overlap|share|same data|header/;

/** The same bytes of the file belong to more than one entry, or to an entry and the directory. */
export const HOSTILE_OVERLAPS: readonly HostileZip[] = [
  {
    title: "overlap: two entries share a local header",
    zip: () => withEntries({ ...yaml(), name: "evil.txt", centralOnly: true, offset: offsetOfYaml }),
    refused: says(/random\.yaml|evil\.txt/),
  },
  {
    title: "overlap: an entry listed twice under one name",
    zip: () => withEntries({ ...yaml(), centralOnly: true, offset: offsetOfYaml }),
    refused: names(YAML_NAME),
  },
  {
    title: "overlap: a local header in the data of another entry",
    zip: () => {
      const hidden: ZipEntry = { name: "evil.txt", data: "evil\n", method: METHOD.stored };
      const carrier: ZipEntry = {
        name: "carrier.bin",
        data: Buffer.concat([localHeader(hidden), Buffer.from("evil\n")]),
        method: METHOD.stored,
      };
      const inside = goodEntries().length;
      return withEntries(carrier, {
        ...hidden,
        centralOnly: true,
        offset: ({ localHeaders }) => (localHeaders[inside] ?? 0) + localHeader(carrier).length,
      });
    },
    refused: says(/carrier\.bin|evil\.txt/, OVERLAP),
  },
  {
    title: "overlap: quoted headers around one kernel (the better zip bomb)",
    zip: () => withEntries(...quotedOverlap(8, goodData(SO_NAME))),
    refused: says(/evil-\d/, OVERLAP),
  },
  {
    title: "overlap: full overlap of many entries on one kernel",
    zip: () => {
      const kernel: ZipEntry = { name: "evil-0", data: goodData(SO_NAME) };
      const first = goodEntries().length;
      const offset: OffsetOf = ({ localHeaders }) => localHeaders[first] ?? 0;
      const others = Array.from({ length: 8 }, (_, index) => ({
        ...kernel,
        name: `evil-${index + 1}`,
        centralOnly: true,
        offset,
      }));
      return withEntries(kernel, ...others);
    },
    refused: says(/evil-\d/),
  },
  {
    title: "overlap: data that run into the next entry",
    zip: () => {
      const data = goodData(YAML_NAME);
      const next = localHeader({ name: "next.txt", data: "next\n", method: METHOD.stored });
      return withEntries(
        {
          name: "evil.txt",
          data: Buffer.concat([data, next]),
          packed: data,
          method: METHOD.stored,
          ...sized(data, next),
        },
        { name: "next.txt", data: "next\n", method: METHOD.stored },
      );
    },
    refused: says(/evil\.txt|next\.txt/, OVERLAP),
  },
  {
    title: "overlap: data that run into the central directory",
    zip: () => {
      const data = Buffer.from("evil\n");
      return withEntries({ name: "evil.txt", data, method: METHOD.stored, ...sized(data, Buffer.alloc(40)) });
    },
    refused: says(/evil\.txt/),
  },
];

function yaml(): ZipEntry {
  return { name: YAML_NAME, data: goodData(YAML_NAME) };
}

const offsetOfYaml: OffsetOf = ({ localHeaders }) =>
  localHeaders[goodEntries().findIndex((entry) => entry.name === YAML_NAME)] ?? 0;

/** Sizes that reach from the data over what follows it. */
function sized(data: Buffer, following: Buffer): Partial<ZipEntry> {
  const size = data.length + following.length;
  return { compressedSize: size, uncompressedSize: size };
}

/**
 * David Fifield's construction (https://www.bamsoftware.com/hacks/zipbomb/): the data of each entry begin with a
 * deflate block that holds the next entry's local header as it is, and go on with the next entry's data. All
 * sizes and CRCs are true; every entry ends in the one kernel.
 */
function quotedOverlap(count: number, kernel: Buffer): ZipEntry[] {
  const first = goodEntries().length;
  let inner: ZipEntry = {
    name: `evil-${count - 1}`,
    data: kernel,
    packed: deflateRawSync(kernel),
    method: METHOD.deflated,
  };
  const entries = [inner];
  for (let index = count - 2; index >= 0; index--) {
    const quoted = localHeader(inner);
    inner = {
      name: `evil-${index}`,
      data: Buffer.concat([quoted, Buffer.from(inner.data ?? "")]),
      packed: Buffer.concat([storedBlock(quoted.length), quoted, inner.packed ?? Buffer.alloc(0)]),
      method: METHOD.deflated,
    };
    entries.unshift(inner);
  }
  let depth = 0;
  return entries.map((entry, index) => {
    const at = depth;
    depth += localHeader(entry).length + STORED_BLOCK_BYTES;
    if (index === 0) return entry;
    return { ...entry, centralOnly: true, offset: ({ localHeaders }) => (localHeaders[first] ?? 0) + at };
  });
}

const STORED_BLOCK_BYTES = 5;

/** The head of a deflate block that is not compressed and not the last one. */
function storedBlock(length: number): Buffer {
  const head = Buffer.alloc(STORED_BLOCK_BYTES);
  head.writeUInt16LE(length, 1);
  head.writeUInt16LE(~length & 0xffff, 3);
  return head;
}
