import type { Dynamic } from "../elf/dynamic.ts";
import { FieldReader } from "../elf/fields.ts";
import { readAddress } from "../elf/image.ts";
import { readPointer, readPointers } from "../elf/pointers.ts";
import type { SymbolTable } from "../elf/symbols.ts";
import { Unreadable } from "../file-bytes.ts";
import { type GoType, KIND, type NameFormat, TypeData } from "./type-data.ts";

/** The table `ptab` of a plugin: for each exported symbol the offsets of its name and of its type. */
const ENTRY_BYTES = 8;
const MAX_ENTRIES = 20_000;
/** That table is a slice just before the plugin's path. */
const TABLE_WORDS_BEFORE = 3;
/** How far before the path, in words, the start of all type data is: 14 before Go 1.18, then 16, in Go 1.26 17, since Go 1.27 14. */
const BASE_WORDS_BEFORE = [14, 16, 17];

/** Where the runtime's description of a plugin is, see `readPluginPath`. */
export interface PluginDescription {
  readonly table: SymbolTable;
  readonly dynamic: Dynamic;
  readonly describedAt: number;
}

/** What the engine gets when it looks up a symbol. */
export interface SymbolType {
  /** Of a variable it is the type of a pointer to it, since that is what a look-up returns. */
  readonly type: GoType;
  /** What a function returns that takes nothing and returns one value; undefined for all others. */
  readonly result: GoType | undefined;
  /** The import path of the package of `result`, where that is an interface with a name. */
  readonly resultPackage: string | undefined;
  /** The exported methods, of a variable those of the pointer to it. */
  readonly methods: ReadonlyMap<string, GoType>;
}

/**
 * The types of exported symbols, which `strip` does not remove.
 *
 * @param exports all symbols that the plugin exports: a table that names another one was not understood
 * @param wanted those whose types are read
 * @throws Unreadable
 */
export async function readExportedTypes(
  description: PluginDescription,
  exports: readonly string[],
  wanted: readonly string[],
  nameFormat: NameFormat,
): Promise<ReadonlyMap<string, SymbolType>> {
  const { table: symbols, dynamic, describedAt } = description;
  const { image } = symbols;
  const word = image.format.wordBytes;
  const count = await countExportedTypes(description);
  if (count === 0 || count > MAX_ENTRIES) throw new Unreadable(`its table of symbols' types has ${count} entries`);
  const tableAt = await readPointer(image, dynamic, describedAt - TABLE_WORDS_BEFORE * word);
  const table = new FieldReader(await readAddress(image, tableAt, count * ENTRY_BYTES), image.format);

  const names = new Set(exports);
  const data = await findTypeData(description, nameFormat, table.u32(0), names);
  const types = new Map<string, GoType>();
  const searched = new Set(wanted);
  for (let at = 0; at < table.length; at += ENTRY_BYTES) {
    const name = await data.nameAt(table.u32(at));
    if (!names.has(name)) throw unknownLayout();
    if (searched.has(name)) types.set(name, await data.typeAt(table.u32(at + 4)));
  }
  return await readSymbols(description, data, types);
}

/** How many symbols the plugin package exports by that table, under whatever path. @throws Unreadable */
export async function countExportedTypes({ table: { image }, describedAt }: PluginDescription): Promise<number> {
  const word = image.format.wordBytes;
  const countAt = describedAt - (TABLE_WORDS_BEFORE - 1) * word;
  return new FieldReader(await readAddress(image, countAt, word), image.format).word(0);
}

/** The base is the right one when the first entry of the table is the name of an exported symbol. */
async function findTypeData(
  { table: { image }, dynamic, describedAt }: PluginDescription,
  nameFormat: NameFormat,
  firstName: number,
  exports: ReadonlySet<string>,
): Promise<TypeData> {
  for (const words of BASE_WORDS_BEFORE) {
    try {
      const base = await readPointer(image, dynamic, describedAt - words * image.format.wordBytes);
      const data = new TypeData(image, dynamic, base, nameFormat);
      if (exports.has(await data.nameAt(firstName))) return data;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  throw unknownLayout();
}

/** All results at once, since finding out where words point to can take a pass over a large table. */
async function readSymbols(
  { table, dynamic }: PluginDescription,
  data: TypeData,
  types: ReadonlyMap<string, GoType>,
): Promise<ReadonlyMap<string, SymbolType>> {
  const resultsAt = new Map<string, number>();
  for (const [name, type] of types) {
    if (type.kind !== KIND.func) continue;
    const { takes, results, resultAt } = await data.signature(type);
    if (takes === 0 && results === 1 && resultAt !== undefined) resultsAt.set(name, resultAt);
  }
  const pointers = await readPointers(table, dynamic, resultsAt.values());
  const results = new Map<string, GoType>();
  for (const [name, at] of resultsAt) results.set(name, await data.type(pointers.get(at) ?? 0));
  const interfaces = [...results].filter(([, { kind, text }]) => kind === KIND.interface && text.includes("."));
  const packages = await readPointers(
    table,
    dynamic,
    interfaces.map(([, result]) => data.packageAt(result)),
  );
  const symbols = new Map<string, SymbolType>();
  for (const [name, type] of types) {
    const result = results.get(name);
    const packageName = result && packages.get(data.packageAt(result));
    symbols.set(name, {
      type,
      result,
      resultPackage: packageName === undefined ? undefined : await data.name(packageName),
      methods: type.kind === KIND.pointer ? await data.methodsOfPointer(type) : new Map(),
    });
  }
  return symbols;
}

function unknownLayout(): Unreadable {
  return new Unreadable("its table of symbols' types is laid out in an unknown way");
}
