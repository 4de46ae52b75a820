import { randomUUID } from "node:crypto";
import { readdir, rename, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { FUNCTION_LOOKUPS, VERDICTS } from "../../domain/compatibility.ts";
import { isFilePath, PLUGIN_TYPES, type PluginType } from "../../domain/plugin.ts";
import type { PluginEntry, ReplacedVersion } from "../../domain/plugin-entry.ts";
import { hasCode } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { readSmallFile } from "../../lib/small-file.ts";
import { isSha256 } from "../versions/content.ts";
import { withOwnFiles } from "./own-files.ts";
import { DisplacedSchema, KeptVersionSchema, VersionSchema } from "./registry-schema.ts";
import { readReplaced } from "./replaced-versions.ts";

/** The version of the file's schema. A file of a later one is moved aside, not guessed at. */
const SCHEMA = 1;

/**
 * About a million installed files. A larger one could keep a server with little memory from starting, each time anew:
 * it is neither read nor written.
 */
export const MAX_REGISTRY_BYTES = 128 * 1024 * 1024;

export type RegistryContent = { readonly [T in PluginType]: ReadonlyMap<string, PluginEntry> } & {
  /** By the keys of their plugins. */
  readonly replaced: ReadonlyMap<string, ReplacedVersion>;
};

const CompatibilitySchema = Type.Object({
  verdict: Type.Union(VERDICTS.map((verdict) => Type.Literal(verdict))),
  problems: Type.Array(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      packages: Type.Optional(Type.Array(Type.String())),
    }),
  ),
  basis: Type.String(),
  functionLookup: Type.Optional(Type.Union(FUNCTION_LOOKUPS.map((lookup) => Type.Literal(lookup)))),
  identity: Type.Optional(Type.Object({ pluginPath: Type.String(), packages: Type.Array(Type.String()) })),
});

const EntrySchema = Type.Composite([
  VersionSchema,
  Type.Object({
    compatibility: Type.Optional(CompatibilitySchema),
    versions: Type.Optional(Type.Array(KeptVersionSchema)),
    displaced: Type.Optional(Type.Array(DisplacedSchema)),
    change: Type.Optional(Type.String()),
    changedAt: Type.Optional(Type.String()),
  }),
]);

const EntriesSchema = Type.Record(Type.String(), EntrySchema);

const RegistrySchema = Type.Object({
  schema: Type.Literal(SCHEMA),
  plugins: Type.Object({ sources: EntriesSchema, sinks: EntriesSchema, functions: EntriesSchema }),
  /** See `readReplaced`. */
  replaced: Type.Optional(Type.Unknown()),
});

export interface ReadRegistry {
  readonly content: RegistryContent;
  /** False where an unusable registry was moved aside, now or earlier, that may refer to further files. */
  readonly isOnlyOne: boolean;
}

/**
 * Reads the registry. One that can't be used (truncated, too large, of a later version, a folder, …) is moved aside, never deleted,
 * and the server starts with an empty one, which is then filled from the plugins' folders.
 */
export async function readRegistry(file: string, maxBytes: number, log: Log): Promise<ReadRegistry> {
  try {
    const content = await loadRegistry(file, maxBytes, log);
    return { content: content ?? emptyContent(), isOnlyOne: !(await hasSetAside(file)) };
  } catch (reason) {
    await setAside(file, reason, log);
    return { content: emptyContent(), isOnlyOne: false };
  }
}

/** Reads the registry and changes nothing. Undefined where there is no file. @throws why it can't be used */
export async function loadRegistry(file: string, maxBytes: number, log: Log): Promise<RegistryContent | undefined> {
  let bytes: Buffer;
  try {
    if (!(await stat(file)).isFile()) throw new Error("it is not a file");
    bytes = await readSmallFile(file, maxBytes);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const content = toContent(JSON.parse(bytes.toString()), log);
  if (content === undefined) throw new Error("it does not match the schema of this version");
  return content;
}

/**
 * The registry as JSON: one plugin to a line, in a stable order, so that people can read and compare it. One field to
 * a line would make it half as large again, and ten thousand plugins would take that much longer to read.
 */
export function formatRegistry(content: RegistryContent): string {
  const types = PLUGIN_TYPES.map((type) => `    ${JSON.stringify(type)}: {${formatEntries(content[type])}}`);
  const { replaced } = content;
  const rest = replaced.size === 0 ? "" : `,\n  "replaced": ${JSON.stringify(Object.fromEntries(replaced))}`;
  return `{\n  "schema": ${SCHEMA},\n  "plugins": {\n${types.join(",\n")}\n  }${rest}\n}\n`;
}

function formatEntries(entries: ReadonlyMap<string, PluginEntry>): string {
  if (entries.size === 0) return "";
  const lines = Array.from(entries, ([name, entry]) => `      ${JSON.stringify(name)}: ${serialize(entry)}`);
  return `\n${lines.join(",\n")}\n    `;
}

const serialized = new WeakMap<PluginEntry, string>();

/** Entries are immutable, so with ten thousand of them a change serializes just one. */
function serialize(entry: PluginEntry): string {
  let json = serialized.get(entry);
  if (json === undefined) {
    json = JSON.stringify(entry);
    serialized.set(entry, json);
  }
  return json;
}

function emptyContent(): RegistryContent {
  return { sources: new Map(), sinks: new Map(), functions: new Map(), replaced: new Map() };
}

function toContent(parsed: unknown, log: Log): RegistryContent | undefined {
  // Compiled: a registry can have tens of thousands of entries, and the start waits for this check.
  if (!TypeCompiler.Compile(RegistrySchema).Check(parsed)) return undefined;
  const { plugins, replaced } = parsed as Static<typeof RegistrySchema>;
  const maps = PLUGIN_TYPES.map((type) => [type, new Map(Object.entries(plugins[type]))] as const);
  const areOurPaths = maps.every(([, map]) =>
    [...map.values()].every(
      (entry) =>
        hasOurPaths(entry) && areOurFiles(entry.displaced ?? []) && (entry.versions ?? []).every(isKeptVersion),
    ),
  );
  if (!areOurPaths) return undefined;
  const content = Object.fromEntries(maps) as unknown as Record<PluginType, Map<string, PluginEntry>>;
  for (const type of PLUGIN_TYPES) {
    for (const [name, entry] of content[type]) content[type].set(name, withOwnFiles({ type, name }, entry, log));
  }
  return { ...content, replaced: readReplaced(replaced, log) };
}

function hasOurPaths({ files }: Pick<Static<typeof VersionSchema>, "files">): boolean {
  return files.every(({ path }) => isFilePath(path));
}

function areOurFiles(displaced: readonly { readonly path: string; readonly backup: string }[]): boolean {
  return displaced.every(({ path, backup }) => isFilePath(path) && isFilePath(backup));
}

/** The sha256 of a kept file becomes part of a path too. */
function isKeptVersion(version: Static<typeof VersionSchema>): boolean {
  return hasOurPaths(version) && version.files.every(({ sha256 }) => sha256 === undefined || isSha256(sha256));
}

const SET_ASIDE = ".unreadable-";

async function hasSetAside(file: string): Promise<boolean> {
  try {
    return (await readdir(dirname(file))).some((name) => name.startsWith(basename(file) + SET_ASIDE));
  } catch (error) {
    return !hasCode(error, "ENOENT"); // a folder that can't be read may have one
  }
}

async function setAside(file: string, reason: unknown, log: Log): Promise<void> {
  const kept = file + SET_ASIDE + randomUUID();
  try {
    await rename(file, kept);
    log.error({ err: reason, file, kept }, "the registry can't be used: it is kept aside and rebuilt from the folders");
  } catch (error) {
    log.error({ err: error, file }, "the registry can neither be used nor moved aside");
  }
}
