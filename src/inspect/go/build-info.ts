import { FieldReader } from "../elf/fields.ts";
import { type ElfImage, fileOffset, PT_LOAD, readAddress } from "../elf/image.ts";
import { findSection } from "../elf/sections.ts";
import { Unreadable } from "../file-bytes.ts";

/** Layout from Go's debug/buildinfo. */
const MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
const HEADER_BYTES = 32;
const ALIGNMENT = 16;
const INLINE_STRINGS = 2;
const BIG_ENDIAN = 1;
/** As Go does: in a file without that section it is near the beginning of the data. */
const SEARCHED_BYTES = 64 * 1024;
/** 5000 modules of 200 bytes. */
const MAX_STRING_BYTES = 1024 * 1024;
/** The list of modules is framed by 16 random bytes on either side. */
const FRAME_BYTES = 16;

/** A module that a program is built of. */
export interface GoModule {
  readonly path: string;
  /** Such as `v1.2.3`; `(devel)` for one built from a folder. */
  readonly version: string;
  /** The path of the module or the folder that stands in for it, `""` when none does. `version` is that one's then. */
  readonly replacedBy: string;
}

export interface ModuleInfo {
  /** The program's own module. */
  readonly main: GoModule | undefined;
  readonly dependencies: readonly GoModule[];
  /** Flags of the build, such as `-trimpath`: `true`; since Go 1.18. */
  readonly settings: ReadonlyMap<string, string>;
}

/** What Go's linker says about a program. */
export interface BuildInfo {
  /** Such as `go1.20.3`; `""` when it can't be read. */
  readonly goVersion: string;
  readonly modules: ModuleInfo;
}

/**
 * What Go writes into every program, and into no plugin.
 *
 * @returns undefined when there is none
 * @throws Unreadable
 */
export async function readBuildInfo(image: ElfImage): Promise<BuildInfo | undefined> {
  const address = await findHeader(image);
  if (address === undefined) return undefined;
  const header = await readAddress(image, address, HEADER_BYTES);
  const pointerBytes = header[14];
  const flags = header[15] ?? 0;
  const strings =
    (flags & INLINE_STRINGS) !== 0
      ? await readInline(image, address + HEADER_BYTES)
      : await readPointed(image, header, pointerBytes === 4 ? 4 : 8, (flags & BIG_ENDIAN) === 0);
  return { goVersion: strings[0], modules: parseModuleInfo(withoutFrame(strings[1])) };
}

/** The list of modules without its frame; `""` when it has none. */
export function withoutFrame(bytes: Buffer): string {
  const isFramed = bytes.length > 2 * FRAME_BYTES && bytes[bytes.length - FRAME_BYTES - 1] === "\n".charCodeAt(0);
  return isFramed ? bytes.toString("utf8", FRAME_BYTES, bytes.length - FRAME_BYTES) : "";
}

async function findHeader(image: ElfImage): Promise<number | undefined> {
  const section = await findSection(image, [".go.buildinfo"]);
  const data = image.segments.find(({ type, writable }) => type === PT_LOAD && writable);
  const searched = section ?? (data && { address: data.address, size: data.fileBytes });
  if (searched === undefined) return undefined;
  const bytes = await readAddress(image, searched.address, Math.min(searched.size, SEARCHED_BYTES));
  for (let hit = bytes.indexOf(MAGIC); hit !== -1; hit = bytes.indexOf(MAGIC, hit + 1)) {
    if (hit % ALIGNMENT === 0) return searched.address + hit;
  }
  return undefined;
}

type Strings = readonly [goVersion: string, moduleInfo: Buffer];

/** Since Go 1.18: both strings follow, each after its length. */
async function readInline(image: ElfImage, address: number): Promise<Strings> {
  const version = await readCounted(image, address);
  const modules = await readCounted(image, version.end);
  return [version.bytes.toString("utf8"), modules.bytes];
}

async function readCounted(image: ElfImage, address: number): Promise<{ bytes: Buffer; end: number }> {
  let length = 0;
  let at = address;
  for (let shift = 0; ; shift += 7, at += 1) {
    const [byte = 0] = await readAddress(image, at, 1);
    length += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) break;
    if (shift > 28) throw new Unreadable("its build information is broken");
  }
  const start = at + 1;
  return { bytes: await readString(image, start, length), end: start + length };
}

/** Before Go 1.18: the addresses of two Go strings, each the address of its bytes and their number. */
async function readPointed(
  image: ElfImage,
  header: Buffer,
  pointerBytes: 4 | 8,
  littleEndian: boolean,
): Promise<Strings> {
  const format = { wordBytes: pointerBytes, littleEndian };
  const pointers = new FieldReader(header.subarray(16), format);
  const follow = async (pointer: number) => {
    // A program that is loaded anywhere has its addresses filled in by the loader.
    if (pointer === 0) return Buffer.alloc(0);
    const string = new FieldReader(await readAddress(image, pointer, 2 * pointerBytes), format);
    const start = string.word(0);
    return start === 0 ? Buffer.alloc(0) : await readString(image, start, string.word(pointerBytes));
  };
  const version = await follow(pointers.word(0));
  return [version.toString("utf8"), await follow(pointers.word(pointerBytes))];
}

async function readString(image: ElfImage, address: number, length: number): Promise<Buffer> {
  if (length > MAX_STRING_BYTES) throw new Unreadable("its build information is too long");
  return await image.file.read(fileOffset(image, address, length), length);
}

/** A large program has some hundreds. */
const MAX_MODULES = 5000;
const MAX_SETTINGS = 200;

/** Reads the lines that `go version -m` shows. Malformed lines are ignored. */
export function parseModuleInfo(lines: string): ModuleInfo {
  let main: GoModule | undefined;
  const dependencies: GoModule[] = [];
  const settings = new Map<string, string>();
  let last: "main" | "dependency" | undefined;
  for (const line of lines.split("\n")) {
    const [kind, path = "", version = ""] = line.split("\t");
    if (kind === "mod") {
      main = { path, version, replacedBy: "" };
      last = "main";
    } else if (kind === "dep" && dependencies.length < MAX_MODULES) {
      dependencies.push({ path, version, replacedBy: "" });
      last = "dependency";
    } else if (kind === "=>" && last === "main") {
      main = main && replaced(main, path, version);
    } else if (kind === "=>" && last === "dependency") {
      const module = dependencies.pop();
      if (module !== undefined) dependencies.push(replaced(module, path, version));
    } else if (kind === "build" && settings.size < MAX_SETTINGS) {
      const equals = path.indexOf("=");
      if (equals > 0) settings.set(path.slice(0, equals), path.slice(equals + 1));
    }
  }
  return { main, dependencies, settings };
}

function replaced(module: GoModule, path: string, version: string): GoModule {
  // A folder has no version.
  return { path: module.path, version: version === "" ? "(devel)" : version, replacedBy: path };
}

/** The module that a package belongs to, by path: the one with the longest path that the package's begins with. */
export function moduleOf(importPath: string, modules: ReadonlyMap<string, GoModule>): GoModule | undefined {
  for (let path = importPath; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    const module = modules.get(path);
    if (module !== undefined) return module;
  }
  return undefined;
}
