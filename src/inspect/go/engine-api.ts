import { createHash } from "node:crypto";
import type { FunctionLookup } from "../../domain/compatibility.ts";
import type { PluginType } from "../../domain/plugin.ts";
import type { Dynamic } from "../elf/dynamic.ts";
import { type ElfImage, readAddress } from "../elf/image.ts";
import { readPointer } from "../elf/pointers.ts";
import { findSymbols, type SymbolTable } from "../elf/symbols.ts";
import { Unreadable } from "../file-bytes.ts";
import { type GoType, KIND, type NameFormat, nameFormatOf, TypeData } from "./type-data.ts";

/** The package with the interfaces that plugins implement, by the age of the engine. */
const PACKAGES = [
  "github.com/lf-edge/ekuiper/contract/v2/api",
  "github.com/lf-edge/ekuiper/pkg/api",
  "github.com/emqx/kuiper/xstream/api",
] as const;

const INTERFACES: Readonly<Record<PluginType, string>> = { sources: "Source", sinks: "Sink", functions: "Function" };

/** What the engine asks of a plugin of one type. */
export interface PluginInterface {
  readonly type: GoType;
  /** The import path of its package. */
  readonly package: string;
  readonly methods: ReadonlyMap<string, GoType>;
}

export interface EngineApi {
  /** Its import path. */
  readonly package: string;
  readonly lookup: FunctionLookup;
  readonly interfaces: Readonly<Record<PluginType, PluginInterface>>;
}

/** The text of what a plugin of that type implements: `api.Source`. */
export function interfaceName(type: PluginType): string {
  return `api.${INTERFACES[type]}`;
}

interface EngineFile {
  readonly image: ElfImage;
  readonly dynamic: Dynamic;
  readonly table: SymbolTable;
  readonly goVersion: string;
  /** Import paths of the packages that it contains. */
  readonly packages: { has(path: string): boolean };
}

/** @returns undefined for an engine without such a package; why its interfaces can't be read */
export async function readEngineApi(engine: EngineFile): Promise<EngineApi | string | undefined> {
  const path = PACKAGES.find((one) => engine.packages.has(one));
  if (path === undefined) return undefined;
  const nameFormat = nameFormatOf(engine.goVersion);
  if (nameFormat === undefined) {
    return `how ${engine.goVersion || "the engine's version of Go, which it does not tell,"} describes types is not known`;
  }
  try {
    return {
      package: path,
      lookup: await lookupOf(engine, path),
      interfaces: await readInterfaces(engine, path, nameFormat),
    };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return `the engine's description of its package ${path} can't be read: ${error.message}`;
  }
}

/** A string that the engine's Makefile has the linker set: `1.0.2`. Its symbol has a zero byte at the end. */
const VERSION = "main.Version.str";
const MAX_VERSION_BYTES = 100;

/** Its own list came with 1.2, when the engine still had its first name. */
async function lookupOf({ image, table }: EngineFile, path: string): Promise<FunctionLookup> {
  if (!path.startsWith("github.com/emqx/")) return "list";
  const pattern = { part: VERSION.slice(5), offset: 5, prefixes: [VERSION] };
  const [symbol] = await findSymbols(table, [pattern], (name) => name === VERSION);
  if (symbol === undefined || symbol.size > MAX_VERSION_BYTES) return "name";
  const version = (await readAddress(image, symbol.address, symbol.size)).toString("latin1");
  const [, minor] = /^v?1\.(\d+)/.exec(version) ?? [];
  return Number(minor ?? 0) >= 2 ? "list" : "name";
}

const MODULE_DATA = "runtime.firstmoduledata";

async function readInterfaces(
  { image, dynamic, table }: EngineFile,
  path: string,
  nameFormat: NameFormat,
): Promise<EngineApi["interfaces"]> {
  const types = Object.keys(INTERFACES) as PluginType[];
  const names = new Map(types.flatMap((type) => manglings(`${path}.${INTERFACES[type]}`).map((name) => [name, type])));
  const patterns = [...names.keys(), MODULE_DATA].map((name) => ({ part: name.slice(5), offset: 5, prefixes: [name] }));
  const symbols = await findSymbols(table, patterns, (name) => name === MODULE_DATA || names.has(name));
  const moduleData = symbols.find(({ name }) => name === MODULE_DATA);
  const addresses = new Map(symbols.map(({ name, address }) => [names.get(name), address]));
  const interfaceOf = async (type: PluginType): Promise<PluginInterface> => {
    const address = addresses.get(type);
    const text = interfaceName(type);
    if (moduleData === undefined || address === undefined) throw new Unreadable(`it does not name ${text}`);
    const data = await findTypeData({ image, dynamic }, nameFormat, moduleData.address, address, text);
    const found = await data.type(address);
    if (found.kind !== KIND.interface || (await data.packageOfInterface(found)) !== path) {
      throw new Unreadable(`${text} is described in an unknown way`);
    }
    return { type: found, package: path, methods: await data.methodsOfInterface(found) };
  };
  return {
    sources: await interfaceOf("sources"),
    sinks: await interfaceOf("sinks"),
    functions: await interfaceOf("functions"),
  };
}

/** Where the runtime's description of the program has the start of all type data: in words, Go 1.13 to 1.27. */
const BASE_WORDS = { from: 20, to: 45 } as const;

/** The base is the right one when it leads from the type at `address` to its text. */
async function findTypeData(
  { image, dynamic }: Pick<EngineFile, "image" | "dynamic">,
  nameFormat: NameFormat,
  moduleData: number,
  address: number,
  text: string,
): Promise<TypeData> {
  for (let words: number = BASE_WORDS.from; words <= BASE_WORDS.to; words += 1) {
    try {
      const base = await readPointer(image, dynamic, moduleData + words * image.format.wordBytes);
      const data = new TypeData(image, dynamic, base, nameFormat);
      if ((await data.type(address)).text === text) return data;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  throw new Unreadable("the start of its types was not found");
}

/**
 * The names that Go's linkers give to the symbol of a type: since Go 1.8 with a hash in place of a long name, of which
 * the function changed with Go 1.19, 1.21, 1.24 and 1.25. See `typeSymbolMangle` in Go's cmd/link/internal/ld/lib.go.
 */
function manglings(type: string): string[] {
  const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest();
  const inverted = (bytes: Buffer, count: number) => bytes.map((byte, index) => (index < count ? ~byte : byte));
  const digests: [separator: string, hash: Uint8Array][] = [
    [".", digest("sha1", `type.${type}`)],
    [".", inverted(digest("sha256", `type.${type}`), 32)],
    [":", inverted(digest("sha256", `type:${type}`), 32)],
    [":", inverted(digest("sha256", type), 32)],
    [":", digest("sha256", type).subarray(4)],
    [":", inverted(digest("sha256", type), 1)],
  ];
  return digests.map(([separator, hash]) => `type${separator}${Buffer.from(hash.subarray(0, 6)).toString("base64")}`);
}
