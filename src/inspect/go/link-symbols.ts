import { type ElfImage, readAddress } from "../elf/image.ts";
import { type DynamicSymbol, findSymbols, type NamePattern, type SymbolTable } from "../elf/symbols.ts";
import { Unreadable } from "../file-bytes.ts";

/** Hashes have 8 bytes since Go 1.15, 20 or 40 before; their length is not relied on. */
const MAX_HASH_BYTES = 64;
/** The longest of the strings that Go's linker puts into a program: the list of its modules. */
const MAX_STRING_BYTES = 1024 * 1024;

/** Go 1.20 spells them `go:link.…`, Go 1.19 `go.link.…`. */
const LINK = /^go([.:])link\.(pkghash|pkghashbytes)\.(.+)$/s;

/** Strings that the linker sets, as symbols of their own, even in a stripped file. */
const STRINGS = {
  goVersion: "runtime.buildVersion.str",
  moduleInfo: "runtime.modinfo.str",
  goRoot: "runtime.defaultGOROOT.str",
} as const;
const GO_ROOT = "runtime.defaultGOROOT";

/** Six bytes of each name that are found fast. */
const PATTERNS: readonly NamePattern[] = [
  { part: "kghash", offset: "go.link.p".length, prefixes: ["go.link.pkghash", "go:link.pkghash"] },
  { part: "Versio", offset: "runtime.build".length, prefixes: [STRINGS.goVersion] },
  { part: "nfo.st", offset: "runtime.modi".length, prefixes: [STRINGS.moduleInfo] },
  { part: "GOROOT", offset: "runtime.default".length, prefixes: [GO_ROOT] },
];

/** What Go's linker leaves in the dynamic symbols of a plugin, and of a program that can load plugins. */
export interface LinkSymbols {
  /** The hash of each package's exported types and functions, in hexadecimal, by import path. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Indices of the symbols that the loader replaces by the engine's own hash. */
  readonly runtimeHashes: ReadonlySet<number>;
  /** What follows `go` in their names, `.` or `:`; `""` without them. */
  readonly separator: string;
  /** `""` when unknown. */
  readonly goVersion: string;
  /** The list of modules as the linker has it, framed; empty when there is none. */
  readonly moduleInfo: Buffer;
  /** The folder of the Go that built it, `""` when it was built with `-trimpath`, undefined when unknown. */
  readonly goRoot: string | undefined;
}

/** @throws Unreadable */
export async function readLinkSymbols(table: SymbolTable): Promise<LinkSymbols> {
  const { image } = table;
  const symbols = await findSymbols(table, PATTERNS, isLinkSymbol);
  const hashes = new Map<string, string>();
  const runtimeHashes = new Set<number>();
  let separator = "";
  for (const symbol of symbols) {
    const [, dot, kind, path] = LINK.exec(symbol.name) ?? [];
    if (dot === undefined || path === undefined) continue;
    separator = dot;
    if (kind === "pkghash") runtimeHashes.add(symbol.index);
    else hashes.set(path, (await readBytes(image, symbol, MAX_HASH_BYTES)).toString("hex"));
  }
  const string = async (name: string) => {
    const symbol = symbols.find((one) => one.name === name);
    if (symbol === undefined) return undefined;
    const bytes = await readBytes(image, symbol, MAX_STRING_BYTES);
    // The linker ends it with a zero byte, which is not a part of it.
    return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  };
  const hasGoRoot = symbols.some(({ name }) => name === GO_ROOT);
  return {
    hashes,
    runtimeHashes,
    separator,
    goVersion: (await string(STRINGS.goVersion))?.toString() ?? "",
    moduleInfo: (await string(STRINGS.moduleInfo)) ?? Buffer.alloc(0),
    // With -trimpath it is not set: the symbol is there without its string.
    goRoot: (await string(STRINGS.goRoot))?.toString() ?? (hasGoRoot ? "" : undefined),
  };
}

function isLinkSymbol(name: string): boolean {
  return LINK.test(name) || name === GO_ROOT || Object.values<string>(STRINGS).includes(name);
}

async function readBytes(image: ElfImage, { name, address, size }: DynamicSymbol, max: number): Promise<Buffer> {
  if (size === 0 || size > max) throw new Unreadable(`its symbol ${name.slice(0, 200)} has ${size} bytes`);
  return await readAddress(image, address, size);
}

/** Undoes the escapes of Go's linker in an import path: `example.com/v1%2e2` is `example.com/v1.2`. */
export function importPath(escaped: string): string {
  return escaped.replaceAll(/(?:%[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll("%", ""), "hex").toString());
}

/** Whether Go code outside of its package may name it: the first letter is in upper case. */
export function isExported(identifier: string): boolean {
  return /^\p{Lu}[\p{L}\p{Nd}_]*$/u.test(identifier);
}
