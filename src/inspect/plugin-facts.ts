import { type LinkIdentity, toLinkIdentity } from "../domain/compatibility.ts";
import { printable } from "../lib/text.ts";
import { readDynamic } from "./elf/dynamic.ts";
import { type ElfImage, ET_DYN, readElf } from "./elf/image.ts";
import { findSymbols, openSymbols } from "./elf/symbols.ts";
import type { EngineFacts } from "./engine.ts";
import { type FileBytes, Unreadable } from "./file-bytes.ts";
import { countExportedTypes, type PluginDescription } from "./go/exported-types.ts";
import { importPath, isExported, type LinkSymbols, readLinkSymbols } from "./go/link-symbols.ts";
import { readPluginPath } from "./go/plugin-path.ts";
import { readProducer } from "./go/toolchain.ts";
import { isProgram, type Libc, libcOf, neededVersions, newestGlibc } from "./libc.ts";

/** In characters. A plugin's name is a part of a file's name, so a symbol that is looked up is no longer. */
const MAX_SYMBOL = 255;
/** Bytes of a UTF-16 character in UTF-8. */
const MAX_UTF8 = 3;
/** How much of a string in the file is shown. */
const MAX_SHOWN = 255;

/** What is worth showing of a plugin. Strings are printable and bounded. */
export interface PluginFacts {
  /** Go's name, such as `amd64`. */
  readonly cpu: string;
  readonly libc: Libc;
  /** The newest version of glibc that it needs, such as `2.34`; `""` when it needs none. */
  readonly glibc: string;
  /** The shared libraries that it needs. */
  readonly libraries: readonly string[];
  /** The import path of the plugin's package; `""` when it is no Go plugin. */
  readonly pluginPath: string;
  /** Such as `go1.20.3`; `""` when unknown. */
  readonly goVersion: string;
  /** How many Go packages it contains. */
  readonly packages: number;
}

/** What kind of ELF file it is; `unclear` when reading it failed before that was known. */
type PluginKind = "plugin" | "program" | "library" | "go-library" | "truncated" | "unclear";

/** All that is read of a plugin. */
export interface PluginReading {
  readonly facts: PluginFacts;
  /** `facts.pluginPath` as it is in the file. */
  readonly path: string;
  readonly kind: PluginKind;
  readonly symbols: LinkSymbols | undefined;
  /** Upper-case functions and variables of the plugin's own package, sorted. */
  readonly exports: readonly string[];
  /** Whether its package exports symbols, and none under the plugin's path: it was linked with another one. */
  readonly isPathForeign: boolean;
  /** `DT_NEEDED`: `facts.libraries` as they are in the file. */
  readonly libraries: readonly string[];
  /** `DT_RPATH`, `DT_RUNPATH`. */
  readonly rpath: string;
  readonly runpath: string;
  /** Where the types of its symbols are described; only of a plugin, and of use while its file is open. */
  readonly description: PluginDescription | undefined;
  /** Why it could not be read completely, `""` when it could. */
  readonly unread: string;
}

/** @returns undefined when it is no ELF file */
export async function readPlugin(file: FileBytes): Promise<PluginReading | undefined> {
  const reading = new Draft();
  try {
    const image = await readElf(file);
    if (image === undefined) return undefined;
    reading.facts.cpu = image.cpu;
    await fill(reading, image);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    reading.unread = error.message;
  }
  return reading;
}

/** Filled in step by step, since what was read before an error is of use. */
class Draft implements PluginReading {
  facts = {
    cpu: "",
    libc: "none" as Libc,
    glibc: "",
    libraries: [] as string[],
    pluginPath: "",
    goVersion: "",
    packages: 0,
  };
  path = "";
  kind: PluginKind = "unclear";
  symbols: LinkSymbols | undefined;
  exports: readonly string[] = [];
  isPathForeign = false;
  libraries: readonly string[] = [];
  rpath = "";
  runpath = "";
  description: PluginDescription | undefined;
  unread = "";
}

async function fill(reading: Draft, image: ElfImage): Promise<void> {
  const { facts } = reading;
  if (image.isTruncated) {
    reading.kind = "truncated";
    return;
  }
  const dynamic = await readDynamic(image);
  if (dynamic === undefined || image.type !== ET_DYN || isProgram(image, dynamic)) {
    reading.kind = "program";
    return;
  }
  reading.libraries = dynamic.needed;
  facts.libraries = dynamic.needed.map(shown);
  reading.rpath = dynamic.rpath;
  reading.runpath = dynamic.runpath;
  const versions = await neededVersions(image, dynamic);
  facts.libc = libcOf(image, dynamic, versions);
  facts.glibc = newestGlibc(versions);

  const table = await openSymbols(image, dynamic);
  const symbols = await readLinkSymbols(table);
  if (symbols.hashes.size === 0) {
    reading.kind = "library";
    return;
  }
  reading.symbols = symbols;
  facts.packages = symbols.hashes.size;
  facts.goVersion = shown(symbols.goVersion || (await readProducer(image)));
  const found = await readPluginPath(image, dynamic, symbols);
  reading.kind = found === undefined ? "go-library" : "plugin";
  if (found === undefined) return;
  const { path, describedAt } = found;
  reading.description = { table, dynamic, describedAt };
  reading.path = importPath(path);
  facts.pluginPath = shown(reading.path);
  const prefix = `${path}.`;
  const isOwn = (name: string) =>
    name.length - prefix.length <= MAX_SYMBOL && name.startsWith(prefix) && isExported(name.slice(prefix.length));
  const maxBytes = Buffer.byteLength(prefix) + MAX_SYMBOL * MAX_UTF8 + 1;
  const own = await findSymbols(table, [{ part: prefix, offset: 0, prefixes: [prefix], maxBytes }], isOwn);
  reading.exports = own.map(({ name }) => name.slice(prefix.length)).sort();
  reading.isPathForeign = own.length === 0 && (await countExportedTypes(reading.description)) > 0;
}

function shown(value: string): string {
  return printable(value.slice(0, MAX_SHOWN));
}

/**
 * What other plugins are compared with. Without the packages that the engine has, since plugins that agree with the
 * engine agree with each other, and without the plugin's own, which nobody else has.
 *
 * @returns undefined when it is no Go plugin, or one for another CPU, for which the engine compares no packages
 */
export function linkIdentityOf(
  { kind, path, symbols, facts }: PluginReading,
  engine: EngineFacts | string,
): LinkIdentity | undefined {
  if (kind !== "plugin" || symbols === undefined) return undefined;
  const isKnown = typeof engine !== "string";
  if (isKnown && engine.cpu !== facts.cpu) return undefined;
  const ofEngine = isKnown ? engine.symbols?.hashes : undefined;
  const others = [...symbols.hashes].filter(([name]) => !ofEngine?.has(name) && importPath(name) !== path);
  return toLinkIdentity(path, new Map(others.map(([name, hash]) => [importPath(name), hash])));
}
