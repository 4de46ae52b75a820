import type { ZipEntry } from "../zip.ts";
import { FILE_TYPE, FLAG, HOST, METHOD } from "../zip-fields.ts";
import { goodData, type HostileZip, names, SO_NAME, withChanged, withEntries, YAML_NAME } from "./kit.ts";

/** The content of a link is the path that it leads to. */
function linkTo(target: string, host: number = HOST.unix): Partial<ZipEntry> {
  return { data: target, method: METHOD.stored, mode: FILE_TYPE.link | 0o777, host };
}

const LINKS: readonly HostileZip[] = [
  {
    title: "link: random.yaml",
    zip: () => withChanged(YAML_NAME, linkTo("/etc/passwd")),
    refused: names(YAML_NAME, /link/),
  },
  {
    title: "link: the .so",
    zip: () => withChanged(SO_NAME, linkTo("/tmp/evil.so")),
    refused: names(SO_NAME, /link/),
  },
  {
    title: "link: deflated",
    zip: () => withChanged(YAML_NAME, { ...linkTo("/etc/passwd"), method: METHOD.deflated }),
    refused: names(YAML_NAME, /link/),
  },
  {
    title: "link: a folder, and a file through it",
    zip: () => withEntries({ name: "etc/evil", ...linkTo("/tmp") }, { name: "etc/evil/evil.txt", data: "evil\n" }),
    refused: names("etc/evil"),
  },
  {
    title: "link: one that stays inside",
    zip: () => withEntries({ name: "etc/evil.csv", ...linkTo("lookup/cities.csv") }),
    refused: names("etc/evil.csv", /link/),
  },
  {
    title: "link: with the slash of a folder",
    zip: () => withEntries({ name: "etc/evil/", mode: FILE_TYPE.link | 0o777 }),
    refused: names("etc/evil/", /link/),
  },
  {
    title: "link: made on a Mac",
    zip: () => withEntries({ name: "evil.txt", ...linkTo("/etc/passwd", HOST.darwin) }),
    refused: names("evil.txt", /link/),
  },
  {
    title: "link: made on Windows, with a Unix mode all the same",
    zip: () => withEntries({ name: "evil.txt", ...linkTo("/etc/passwd", HOST.dos) }),
    refused: names("evil.txt", /link/),
  },
];

const SPECIAL_FILES: Record<string, number> = {
  "a character device": FILE_TYPE.characterDevice,
  "a block device": FILE_TYPE.blockDevice,
  "a fifo": FILE_TYPE.fifo,
  "a socket": FILE_TYPE.socket,
  "a kind of file that nobody knows": 0o170000,
};

const ENCRYPTION: Record<string, number> = {
  encrypted: FLAG.encrypted,
  "strongly encrypted": FLAG.encrypted | FLAG.strongEncryption,
  "strong encryption without encryption": FLAG.strongEncryption,
  "masked headers": FLAG.maskedHeaders,
  "a patch of other data": FLAG.patchedData,
};

const METHODS: Record<string, number> = {
  shrunk: 1,
  imploded: 6,
  deflate64: 9,
  bzip2: 12,
  LZMA: 14,
  Zstandard: 93,
  "AES, which hides the real method": 99,
  "a method that nobody knows": 0xffff,
};

export const HOSTILE_KINDS: readonly HostileZip[] = [
  ...LINKS,
  ...Object.entries(SPECIAL_FILES).map(([title, type]) => ({
    title: `special file: ${title}`,
    zip: () => withEntries({ name: "etc/evil", mode: type | 0o666 }),
    refused: names("etc/evil"),
  })),
  {
    title: "special file: a folder by its mode, a file by its name and content",
    zip: () => withEntries({ name: "etc/evil", data: "evil\n", mode: FILE_TYPE.folder | 0o755 }),
    refused: names("etc/evil"),
  },
  ...Object.entries(ENCRYPTION).map(([title, flags]) => ({
    title: `flag: ${title}`,
    zip: () => withChanged(YAML_NAME, { flags, packed: Buffer.concat([Buffer.alloc(12, 7), goodData(YAML_NAME)]) }),
    refused: names(YAML_NAME, /encrypt|mask|patch|flag|bit/),
  })),
  {
    title: "flag: encrypted, stored",
    zip: () =>
      withChanged(YAML_NAME, {
        flags: FLAG.encrypted,
        method: METHOD.stored,
        packed: Buffer.concat([Buffer.alloc(12, 7), goodData(YAML_NAME)]),
      }),
    refused: names(YAML_NAME, /encrypt/),
  },
  ...Object.entries(METHODS).map(([title, method]) => ({
    title: `method: ${title} (${method})`,
    zip: () => withChanged(YAML_NAME, { method }),
    refused: names(YAML_NAME, /method|compress/),
  })),
];
