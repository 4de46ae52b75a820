import type { ZipEntry } from "../zip.ts";
import { FLAG, HOST, METHOD, unicodePath } from "../zip-fields.ts";
import { type HostileZip, names, SO_NAME, says, withChanged, withEntries, YAML_NAME } from "./kit.ts";

const CONTENT = "evil\n";

const PATHS_TO_REFUSE: Record<string, string> = {
  "an absolute path": "/tmp/evil.txt",
  "an absolute path with two slashes": "//host/evil.txt",
  "the root as a folder": "/",
  ".. at the start": "../evil.txt",
  ".. at the start, below etc": "../../etc/sources/evil.yaml",
  ".. that leads to a sibling whose name begins the same": "etc/../../etc-evil/evil.txt",
  ".. in the middle": "etc/../../evil.txt",
  ".. that stays inside": "etc/deep/../evil.txt",
  ".. at the end": "etc/evil/..",
  ".. alone": "..",
  ".. as a folder": "../",
  "a . segment at the end": "etc/evil/.",
  "a . alone": ".",
  "a . segment before ..": "./../evil.txt",
  "a . segment before an empty one": ".//evil.txt",
  "a . segment before a drive letter": "./C:/evil.txt",
  "an empty segment": "etc//evil.txt",
  "a backslash": "etc\\evil.txt",
  ".. with backslashes": "..\\..\\evil.txt",
  ".. with both slashes": "etc/..\\../evil.txt",
  "a share of another computer": "\\\\host\\share\\evil.txt",
  "a drive letter": "C:evil.txt",
  "a drive letter with a slash": "C:/evil.txt",
  "a drive letter with a backslash": "C:\\evil.txt",
  "a NUL that hides the real ending": "random.yaml\0.txt",
  "a NUL at the end": "random.yaml\0",
  "a line break": "evil\ninstalled: 0.txt",
  "a carriage return": "evil\r.txt",
  "an escape sequence of a terminal": "evil\x1b[2J.txt",
  DEL: "evil\x7f.txt",
  "a control character of the upper range": "evil\u0085.txt",
};

/** Windows' old code page has pictures for control characters: the raw bytes are what counts. */
const BYTES_TO_REFUSE: Record<string, ZipEntry> = {
  "a control character in a name that is not UTF-8": { name: Buffer.from("evil\x01\x82.txt", "latin1") },
  "DEL in a name that is not UTF-8": { name: Buffer.from("evil\x7f\x82.txt", "latin1") },
  "a name that is said to be UTF-8 and is not": { name: Buffer.from("evil\xff.txt", "latin1"), flags: FLAG.utf8 },
  "a slash in overlong UTF-8": { name: Buffer.from("..\xc0\xafevil.txt", "latin1"), flags: FLAG.utf8 },
  "a backslash between ASCII letters, beside a character in Shift-JIS": {
    name: Buffer.from("evil\\\x95\x5c.txt", "latin1"),
  },
  ".. in a name that is not UTF-8": { name: Buffer.from("evil\xc5\xe4/../../x", "latin1") },
  "half of a surrogate pair in UTF-8": { name: Buffer.from("evil\xed\xa0\x80.txt", "latin1"), flags: FLAG.utf8 },
};

const UNICODE_PATHS_TO_REFUSE: Record<string, readonly [name: string, unicode: string]> = {
  "a unicode path that leads elsewhere": ["evil.txt", "../evil.txt"],
  "a unicode path that names another file": ["evil.txt", "etc/evil.yaml"],
  "a unicode path that repeats another entry": ["evil.txt", YAML_NAME],
  "a unicode path that is empty": ["evil.txt", ""],
};

/** Made by MS-DOS or NTFS, for which backslashes are separators. */
const BACKSLASHES_TO_REFUSE: Record<string, readonly string[]> = {
  "that lead out": ["etc\\..\\..\\evil.txt"],
  "of an absolute path": ["\\evil.txt"],
  "of a share": ["\\\\host\\evil.txt"],
  "behind a drive letter": ["C:\\evil.txt"],
  "of an empty segment": ["etc\\\\evil.txt"],
  "beside a slash": ["etc\\lookup/evil.txt"],
  "beside a slash in another name": ["etc\\evil.txt", "docs/a\\b"],
  "that repeat another name": ["etc\\lookup\\cities.csv"],
};

const ENCODING = /not utf-8.*encoding.*pack it/;
/** The name of a file of the engine's in GBK, in Shift-JIS and in Windows' code page 437. */
const IN_UNKNOWN_ENCODINGS: Record<string, string> = {
  GBK: "etc/\xc5\xe4\xd6\xc3.json",
  "Shift-JIS with the byte of a backslash": "etc/\x95\x5c.json",
  "code page 437": "etc/caf\x82/x.csv",
  "GBK, in the version": "Random@v1\xc5\xe4.so",
};

const WRONG_UNICODE_PATHS: Record<string, readonly [name: string, unicode: string, flags?: number]> = {
  "another folder": ["evil\x82.txt", "etc/evil\u00e9.txt"],
  "another extension": ["evil\x82.txt", "evil\u00e9.so"],
  "another beginning": ["evil\x82.txt", "live\u00e9.txt"],
  "another name of as many letters": ["evil.txt", "live.txt"],
  "other characters than the escapes say": ["evil#U914d.txt", "evil\u914e.txt"],
  "a slash that is escaped": ["evil#U002f.txt", "evil/.txt"],
  "another one than UTF-8 that is said to be it": ["evil\xc3\xa9.txt", "evil\u00e8.txt", FLAG.utf8],
};

const NAMED_TWICE = /twice|duplicate|same|two|again|more than once/;
const FILE_AND_FOLDER = /folder|directory|file/;

export const HOSTILE_NAMES: readonly HostileZip[] = [
  ...Object.entries(PATHS_TO_REFUSE).map(([title, name]) => ({
    title: `path: ${title}`,
    zip: () => withEntries(entryAt(name)),
    refused: names(name),
  })),
  ...Object.entries(BYTES_TO_REFUSE).map(([title, entry]) => ({
    title: `path: ${title}`,
    zip: () => withEntries({ ...entry, data: CONTENT }),
    refused: says(/evil/),
  })),
  ...Object.entries(UNICODE_PATHS_TO_REFUSE).map(([title, [name, unicode]]) => ({
    title: `path: ${title}`,
    zip: () => withEntries({ name, data: CONTENT, extra: unicodePath(name, unicode) }),
    refused: says(/evil/),
  })),
  ...Object.entries(IN_UNKNOWN_ENCODINGS).map(([title, name]) => ({
    title: `path: an engine's file in an unknown encoding: ${title}`,
    zip: () => withEntries({ name: Buffer.from(name, "latin1"), data: CONTENT }),
    refused: says(ENCODING),
  })),
  ...Object.entries(WRONG_UNICODE_PATHS).map(([title, [name, unicode, flags = 0]]) => ({
    title: `path: a unicode path that is ${title}`,
    zip: () => {
      const raw = Buffer.from(name, "latin1");
      return withEntries({ name: raw, data: CONTENT, flags, extra: unicodePath(raw, unicode) });
    },
    refused: says(/evil/, /two different names/),
  })),
  ...Object.entries(BACKSLASHES_TO_REFUSE).flatMap(([title, paths]) =>
    [HOST.dos, HOST.ntfs].map((host) => ({
      title: `path: backslashes ${title} (maker ${host})`,
      zip: () => withEntries(...paths.map((name) => ({ name, data: CONTENT, host }))),
      refused: says(/evil|cities/),
    })),
  ),
  {
    title: "path: backslashes by a maker that has slashes",
    zip: () => withEntries({ name: "docs\\evil.txt", data: CONTENT, host: HOST.unix }),
    refused: says(/docs.*evil\.txt/, /backslash; pack it with a tool that writes \/ between folders/),
  },
  {
    title: "path: none",
    zip: () => withEntries({ name: "", data: CONTENT }),
    refused: says(/name/),
  },
  {
    title: "path: a segment over 255 bytes",
    zip: () => withEntries({ name: `etc/${"e".repeat(256)}`, data: CONTENT }),
    refused: says(/long/),
  },
  {
    title: "path: a segment under 256 letters but over 255 bytes",
    zip: () => withEntries({ name: `etc/${"é".repeat(128)}`, data: CONTENT }),
    refused: says(/long/),
  },
  {
    title: "path: over 4096 bytes",
    zip: () => withEntries({ name: `etc/${`${"e".repeat(250)}/`.repeat(17)}evil.txt`, data: CONTENT }),
    refused: says(/long/),
  },
  {
    title: "twice: the same name",
    zip: () => withEntries({ name: YAML_NAME, data: CONTENT }),
    refused: names(YAML_NAME, NAMED_TWICE),
  },
  {
    title: "twice: with a . segment",
    zip: () => withEntries({ name: `./${YAML_NAME}`, data: CONTENT }),
    refused: names(YAML_NAME, NAMED_TWICE),
  },
  {
    title: "twice: with a . segment in the middle",
    zip: () => withEntries({ name: "etc/./lookup/./cities.csv", data: CONTENT }),
    refused: says(/cities\.csv/, NAMED_TWICE),
  },
  {
    title: "twice: by case",
    zip: () => withEntries({ name: "RANDOM.yaml", data: CONTENT }),
    refused: says(/random\.yaml/, NAMED_TWICE),
  },
  {
    title: "twice: the .so by case",
    zip: () => withEntries({ name: SO_NAME.toUpperCase(), data: CONTENT }),
    refused: says(/random@/, NAMED_TWICE),
  },
  {
    title: "twice: install.sh",
    zip: () => withEntries({ name: "install.sh", data: CONTENT }, { name: "install.sh", data: "exit 0\n" }),
    refused: names("install.sh", NAMED_TWICE),
  },
  {
    title: "twice: install.sh by case",
    zip: () => withEntries({ name: "Install.sh", data: CONTENT }, { name: "install.sh", data: "exit 0\n" }),
    refused: names("install.sh", NAMED_TWICE),
  },
  {
    title: "file and folder: install.sh",
    zip: () => withEntries({ name: "install.sh/evil", data: CONTENT }, { name: "install.sh", data: "exit 0\n" }),
    refused: names("install.sh", FILE_AND_FOLDER),
  },
  {
    title: "file and folder: ETC is a file",
    zip: () => withEntries({ name: "ETC", data: CONTENT }),
    refused: names("etc", FILE_AND_FOLDER),
  },
  {
    title: "twice: by case in a folder of the path",
    zip: () => withEntries({ name: "ETC/lookup/cities.csv", data: CONTENT }),
    refused: says(/cities\.csv/, NAMED_TWICE),
  },
  {
    title: "twice: by case beyond ASCII",
    zip: () => withEntries({ name: "etc/É.csv", data: CONTENT }, { name: "etc/é.csv", data: CONTENT }),
    refused: says(/etc/, NAMED_TWICE),
  },
  {
    title: "twice: composed and decomposed Unicode",
    zip: () => withEntries({ name: "etc/caf\u00e9.csv", data: CONTENT }, { name: "etc/cafe\u0301.csv", data: CONTENT }),
    refused: says(/caf/, NAMED_TWICE),
  },
  {
    title: "file and folder: the file first",
    zip: () => withEntries({ name: "etc/a", data: CONTENT }, { name: "etc/a/b", data: CONTENT }),
    refused: names("etc/a", FILE_AND_FOLDER),
  },
  {
    title: "file and folder: the file last",
    zip: () => withEntries({ name: "etc/a/b/c", data: CONTENT }, { name: "etc/a", data: CONTENT }),
    refused: names("etc/a", FILE_AND_FOLDER),
  },
  {
    title: "file and folder: by case",
    zip: () => withEntries({ name: "etc/A", data: CONTENT }, { name: "etc/a/b", data: CONTENT }),
    refused: says(/etc\/a/, FILE_AND_FOLDER),
  },
  {
    title: "file and folder: etc is a file",
    zip: () => withEntries({ name: "etc", data: CONTENT }),
    refused: names("etc", FILE_AND_FOLDER),
  },
  {
    title: "file and folder: random.yaml is also a folder entry",
    zip: () => withEntries({ name: `${YAML_NAME}/` }),
    refused: names(YAML_NAME, FILE_AND_FOLDER),
  },
  {
    title: "file and folder: something is below random.yaml",
    zip: () => withEntries({ name: `${YAML_NAME}/evil.txt`, data: CONTENT }),
    refused: names(YAML_NAME, FILE_AND_FOLDER),
  },
  {
    title: "a folder entry with data",
    zip: () => withEntries({ name: "etc/evil/", data: CONTENT, method: METHOD.stored }),
    refused: names("etc/evil/"),
  },
  {
    title: "a folder entry with deflated data",
    zip: () => withEntries({ name: "etc/evil/", data: CONTENT }),
    refused: names("etc/evil/"),
  },
  {
    title: "a name that is said to be longer than the record",
    zip: () => withChanged("README.md", { central: { nameLength: 0xffff } }),
    refused: /invalid zip file|not a valid zip file/,
  },
];

/** A name that ends in a slash is a folder, which has no content. */
function entryAt(name: string): ZipEntry {
  return name.endsWith("/") ? { name } : { name, data: CONTENT };
}
