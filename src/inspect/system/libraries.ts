import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../domain/errors.ts";
import { readElf } from "../elf/image.ts";
import { withFile } from "../file-bytes.ts";
import { Unreadable } from "../unreadable.ts";
import { cachedLibraries } from "./library-cache.ts";

/** How the loader looks for the libraries of one plugin. */
export interface LibrarySearch {
  readonly cpu: string;
  readonly libc: "glibc" | "musl";
  /** The folder of the plugin, `$ORIGIN`. */
  readonly origin: string;
  /** Folders separated by colons, as in the plugin's and the engine's files and in the environment. */
  readonly rpath: string;
  readonly runpath: string;
  readonly engineRpath: string;
  readonly ldLibraryPath: string;
  /** Names of libraries that the engine asks for itself. */
  readonly loaded: readonly string[];
  /** `/`; tests have their own. */
  readonly root: string;
}

/** GNU's names of systems, as in Debian's folders of libraries. */
const MULTIARCH: Readonly<Record<string, readonly string[]>> = {
  "386": ["i386-linux-gnu"],
  amd64: ["x86_64-linux-gnu"],
  arm: ["arm-linux-gnueabihf", "arm-linux-gnueabi"],
  arm64: ["aarch64-linux-gnu"],
  loong64: ["loongarch64-linux-gnu"],
  mips64le: ["mips64el-linux-gnuabi64"],
  mipsle: ["mipsel-linux-gnu"],
  ppc64le: ["powerpc64le-linux-gnu"],
  riscv64: ["riscv64-linux-gnu"],
  s390x: ["s390x-linux-gnu"],
};

/** musl takes these for itself; the loaders are in every process. */
const IN_MUSL = /^(?:lib(?:c|pthread|rt|m|dl|util|xnet)\.|libc\.musl-)/;
const LOADERS = /^(?:ld-linux|ld-musl-|ld64?\.so)/;

/**
 * The libraries of `names` that the loader will not find. A name is not in it when it can't be told, and neither is
 * what a library in turn asks for.
 */
export async function missingLibraries(names: readonly string[], search: LibrarySearch): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    if (search.loaded.includes(name) || LOADERS.test(name)) continue;
    if (search.libc === "musl" && IN_MUSL.test(name)) continue;
    if ((await findLibrary(name, search)) === "missing") missing.push(name);
  }
  return missing;
}

/** The path of a library; `unclear` where the loader would look in a folder that only it knows. */
export async function findLibrary(
  name: string,
  search: LibrarySearch,
): Promise<"missing" | "unclear" | { path: string }> {
  if (name.includes("/")) return "unclear";
  const folders = ownFolders(search);
  for (const folder of folders) {
    if (isKnown(folder)) {
      const path = join(search.root, folder, name);
      if (await isLibrary(path, search.cpu)) return { path };
    }
  }
  const cached = search.libc === "glibc" ? await cachedLibraries(join(search.root, "etc/ld.so.cache"), name) : [];
  for (const path of [...cached, ...(await defaultFolders(search)).map((folder) => join(folder, name))]) {
    const real = join(search.root, path);
    if (await isLibrary(real, search.cpu)) return { path: real };
  }
  return folders.every(isKnown) ? "missing" : "unclear";
}

/** Folders that files and the environment name, see ld.so(8). */
function ownFolders({ rpath, runpath, engineRpath, ldLibraryPath, origin }: LibrarySearch): string[] {
  const parts = [runpath === "" ? rpath : "", runpath === "" ? engineRpath : "", ldLibraryPath, runpath];
  return parts
    .flatMap((part) => part.split(/[:;]/))
    .filter((folder) => folder !== "")
    .map((folder) => folder.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, origin));
}

/** Only the loader knows its `$LIB` and its `$PLATFORM`, and where relative paths start. */
function isKnown(folder: string): boolean {
  return folder.startsWith("/") && !folder.includes("$");
}

async function defaultFolders({ libc, cpu, root }: LibrarySearch): Promise<string[]> {
  if (libc === "musl") return (await muslFolders(root)) ?? ["/lib", "/usr/local/lib", "/usr/lib"];
  const multiarch = MULTIARCH[cpu] ?? [];
  return [
    ...multiarch.flatMap((triplet) => [`/lib/${triplet}`, `/usr/lib/${triplet}`]),
    ...["/lib", "/usr/lib", "/lib64", "/usr/lib64"],
  ];
}

/** Of /etc/ld-musl-<CPU>.path, which stands in for the folders that musl knows. */
async function muslFolders(root: string): Promise<string[] | undefined> {
  const etc = join(root, "etc");
  const names = await readdir(etc).catch(() => []);
  const file = names.find((name) => /^ld-musl-.*\.path$/.test(name));
  const text = file && (await readFile(join(etc, file), "utf8").catch(() => undefined));
  return text?.split(/[:\n]/).filter((folder) => folder.startsWith("/"));
}

/** Loaders pass over files for another CPU. What may not be read may still be read by the engine. */
async function isLibrary(path: string, cpu: string): Promise<boolean> {
  try {
    return (await withFile(path, async (file) => (await readElf(file))?.cpu === cpu)) === true;
  } catch (error) {
    return !(error instanceof Unreadable) && !hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG");
  }
}
