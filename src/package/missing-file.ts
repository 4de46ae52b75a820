import { symbolOf } from "../domain/names.ts";
import { isSoFileOf, type PluginId, parseSoFileName } from "../domain/plugin.ts";
import { quoted } from "../lib/text.ts";

/**
 * What a zip has in place of the file that it lacks, and the remedy, for the end of a message: `; found random.yml: rename
 * it random.yaml`. The first rule that fits one of the paths counts.
 */

const MAX_NAME_LENGTH = 120;

/** Says what to do about a path, if it could be the file that is looked for. */
type Rule = (path: string) => string | undefined;

/** @param paths of the zip's files; none of them is the .so of the plugin */
export function insteadOfSo(paths: readonly string[], { name }: PluginId): string {
  return firstFound(paths, [
    inFolder(paths, (fileName) => isSoFileOf(fileName, name)),
    misnamedSo(name),
    ...soInsteadRules,
    (path) => {
      const other = parseSoFileName(baseOf(path))?.name;
      return other && `that is the plugin ${quoted(other, MAX_NAME_LENGTH)}; install it under its own name`;
    },
    (path) => (/\.go$/i.test(path) ? "that is source code; build it with go build -buildmode=plugin" : undefined),
  ]);
}

/** The same where nobody said which plugin it is: the zip has no .so at its root. */
export function insteadOfAnySo(paths: readonly string[]): string {
  return firstFound(paths, [
    inFolder(paths, (fileName) => parseSoFileName(fileName) !== undefined),
    (path) => (/\.so[.\d]+$|\.so$/i.test(path) ? "name it like Random.so or Random@v1.0.0.so" : undefined),
    ...soInsteadRules,
  ]);
}

/** @param paths of the zip's files; none of them is the .yaml of the source */
export function insteadOfYaml(paths: readonly string[], { name }: PluginId): string {
  const wanted = `${name}.yaml`;
  return firstFound(paths, [
    inFolder(paths, (fileName) => fileName === wanted),
    (path) => (/^\.ya?ml(?:\.\w+)?$/i.test(afterName(baseOf(path), name)) ? renamed(path, wanted) : undefined),
    (path) => (/^[^/]+\.ya?ml$/i.test(path) ? `rename it ${wanted} if it is the source's configuration` : undefined),
  ]);
}

const soInsteadRules: readonly Rule[] = [
  (path) => (/\.zip$/i.test(path) ? "that is a zip in the zip; send the inner one" : undefined),
  (path) =>
    /\.(?:tar|tar\.\w+|tgz|txz|7z|rar)$/i.test(path)
      ? "that is an archive; zip its content, not the archive"
      : undefined,
  (path) =>
    /\.(?:dll|dylib|exe)$/i.test(path) ? "that is not for Linux; build a .so there (-buildmode=plugin)" : undefined,
];

function firstFound(paths: readonly string[], rules: readonly Rule[]): string {
  const own = paths.filter((path) => !isOfMac(path));
  for (const rule of rules) {
    for (const path of own) {
      const remedy = rule(path);
      if (remedy !== undefined) return `; found ${quoted(path, MAX_NAME_LENGTH)}: ${remedy}`;
    }
  }
  return "";
}

/** The file by its right name, but in a folder. */
function inFolder(paths: readonly string[], isWanted: (fileName: string) => boolean): Rule {
  return (path) => {
    const base = baseOf(path);
    if (base === path || !isWanted(base)) return undefined;
    const folder = path.slice(0, -base.length);
    const isWhole = paths.every((other) => other.startsWith(folder) || isOfMac(other));
    const remedy = "zip the folder's content, not the folder";
    return isWhole ? remedy : `it should be at the root (${remedy})`;
  };
}

/** What follows the plugin's name in a .so's name: a version, the suffix, and a version where Linux has it. */
const MISNAMED_REST = /^(?:[-@_. ]*v?(\d[\w.+-]*))?\.so(?:\.(\d[\d.]*))?$/i;

/** What follows the name, in any case; empty for another file. */
function afterName(fileName: string, name: string): string {
  return fileName.toLowerCase().startsWith(name.toLowerCase()) ? fileName.slice(name.length) : "";
}

/** `librandom.so`, `random.so.1`, `RANDOM.so`, `random-1.0.0.so`. */
function misnamedSo(name: string): Rule {
  return (path) => {
    const base = baseOf(path);
    const rest = afterName(base, name) || afterName(base, `lib${name}`);
    const match = MISNAMED_REST.exec(rest);
    if (match === null) return undefined;
    const version = match[1] ?? match[2];
    return renamed(path, `${symbolOf(name)}${version === undefined ? "" : `@v${version}`}.so`);
  };
}

function renamed(path: string, wanted: string): string {
  return `rename it ${wanted}${path.includes("/") ? " and put it at the root" : ""}`;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What macOS adds to the zips that it makes. */
function isOfMac(path: string): boolean {
  return path.startsWith("__MACOSX/") || baseOf(path) === ".DS_Store";
}
