import { type LinkIdentity, toIdentity } from "../domain/compatibility.ts";
import { printable } from "../lib/text.ts";
import { newestGlibc, readDynamic, wantedVersions } from "./elf/dynamic.ts";
import { type ElfImage, ET_DYN, readElf } from "./elf/image.ts";
import { findSymbols, openSymbols } from "./elf/symbols.ts";
import type { EngineFacts } from "./engine.ts";
import type { FileBytes } from "./file-bytes.ts";
import { importPath, isExported, type LinkSymbols, readLinkSymbols } from "./go/link-symbols.ts";
import { readPluginPath } from "./go/plugin-path.ts";
import { readProducer } from "./go/producer.ts";
import { isProgram, type Libc, libcOf } from "./libc.ts";
import { Unreadable } from "./pace.ts";

/** A plugin's name is a part of a file's, so no longer than that. */
const MAX_SYMBOL = 255;
/** Bytes of a character of a string. */
const MAX_UTF8 = 3;
/** What a file says about itself is shown up to here. */
const MAX_SHOWN = 255;

/** What is worth showing of a plugin. Texts are printable and bounded. */
export interface PluginFacts {
  /** Go's name, such as `amd64`. */
  readonly cpu: string;
  readonly libc: Libc;
  /** The newest version of glibc that it asks for, such as `2.34`; `""` when it asks for none. */
  readonly glibc: string;
  /** The shared libraries that it asks for. */
  readonly libraries: readonly string[];
  /** The import path of the plugin's package; `""` when it is no Go plugin. */
  readonly pluginPath: string;
  /** Such as `go1.20.3`; `""` when the file doesn't tell. */
  readonly goVersion: string;
  /** How many Go packages it contains. */
  readonly packages: number;
}

/** What kind of ELF file it is. `unclear`: it could not be read as far as that. */
export type PluginKind = "plugin" | "program" | "library" | "go-library" | "truncated" | "unclear";

/** All that judging needs. */
export interface PluginReading {
  readonly facts: PluginFacts;
  /** The import path of the plugin's package as it is; `""` when it is no Go plugin. */
  readonly path: string;
  readonly kind: PluginKind;
  readonly symbols: LinkSymbols | undefined;
  /** Upper-case functions and variables of the plugin's own package, sorted. */
  readonly exports: readonly string[];
  /** `DT_NEEDED`, as they are. */
  readonly libraries: readonly string[];
  /** `DT_RPATH`, `DT_RUNPATH`. */
  readonly rpath: string;
  readonly runpath: string;
  /** Why it could not be read as a whole, `""` when it could. */
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

/** What was read up to where it went wrong is of use. */
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
  libraries: readonly string[] = [];
  rpath = "";
  runpath = "";
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
  const versions = await wantedVersions(image, dynamic);
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
  const path = await readPluginPath(image, dynamic, symbols);
  reading.kind = path === undefined ? "go-library" : "plugin";
  if (path === undefined) return;
  reading.path = importPath(path);
  facts.pluginPath = shown(reading.path);
  const prefix = `${path}.`;
  const isOwn = (name: string) =>
    name.length - prefix.length <= MAX_SYMBOL && name.startsWith(prefix) && isExported(name.slice(prefix.length));
  const maxBytes = Buffer.byteLength(prefix) + MAX_SYMBOL * MAX_UTF8 + 1;
  const own = await findSymbols(table, [{ text: prefix, before: 0, beginnings: [prefix], maxBytes }], isOwn);
  reading.exports = own.map(({ name }) => name.slice(prefix.length)).sort();
}

function shown(text: string): string {
  return printable(text.slice(0, MAX_SHOWN));
}

/**
 * What other plugins are compared with. Packages that the engine has are left out, since plugins that are like the
 * engine there are like each other; and the plugin's own, which nobody else has.
 *
 * @returns undefined when it is no Go plugin, or one for another CPU, which no engine comes to compare
 */
export function identityOf(
  { kind, path, symbols, facts }: PluginReading,
  engine: EngineFacts | string,
): LinkIdentity | undefined {
  if (kind !== "plugin" || symbols === undefined) return undefined;
  const isKnown = typeof engine !== "string";
  if (isKnown && engine.cpu !== facts.cpu) return undefined;
  const ofEngine = isKnown ? engine.symbols?.hashes : undefined;
  const others = [...symbols.hashes].filter(([name]) => !ofEngine?.has(name) && importPath(name) !== path);
  return toIdentity(path, new Map(others.map(([name, hash]) => [importPath(name), hash])));
}
