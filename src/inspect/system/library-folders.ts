import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readSmallFile } from "../../lib/small-file.ts";

/** What the loader's search for the libraries of one plugin depends on. */
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
  /** Names of libraries that the engine itself needs. */
  readonly loaded: readonly string[];
  /** `/`; tests have their own. */
  readonly root: string;
}

/** How many folders each of the files and the environment may name; one or two are usual. */
const MAX_OWN_FOLDERS = 32;

/** GNU's names of systems, as in the names of Debian's library folders. */
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

interface OwnFolders {
  readonly folders: readonly string[];
  /** false when there are more than are read, or some that only the loader knows. */
  readonly isComplete: boolean;
}

/** Folders that files and the environment name, in the loader's order, see ld.so(8). */
export function ownFolders({ rpath, runpath, engineRpath, ldLibraryPath, origin }: LibrarySearch): OwnFolders {
  const parts = [runpath === "" ? rpath : "", runpath === "" ? engineRpath : "", ldLibraryPath, runpath].map((part) => [
    ...new Set(part.split(/[:;]/).filter((folder) => folder !== "")),
  ]);
  const named = parts
    .flatMap((part) => part.slice(0, MAX_OWN_FOLDERS))
    .map((folder) => folder.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, origin));
  const folders = named.filter(isKnown);
  return {
    folders,
    isComplete: folders.length === named.length && parts.every((part) => part.length <= MAX_OWN_FOLDERS),
  };
}

/** Only the loader knows its `$LIB` and its `$PLATFORM`, and where relative paths start. */
function isKnown(folder: string): boolean {
  return folder.startsWith("/") && !folder.includes("$");
}

/** The folders that the loader searches by default. */
export async function defaultFolders({
  libc,
  cpu,
  root,
}: Pick<LibrarySearch, "cpu" | "root"> & { readonly libc: string }): Promise<string[]> {
  if (libc === "musl") return (await muslFolders(root)) ?? ["/lib", "/usr/local/lib", "/usr/lib"];
  const multiarch = MULTIARCH[cpu] ?? [];
  return [
    ...multiarch.flatMap((triplet) => [`/lib/${triplet}`, `/usr/lib/${triplet}`]),
    ...["/lib", "/usr/lib", "/lib64", "/usr/lib64"],
  ];
}

const MAX_PATHS_BYTES = 64 * 1024;

/** Of /etc/ld-musl-<CPU>.path, which replaces musl's default folders. */
async function muslFolders(root: string): Promise<string[] | undefined> {
  const etc = join(root, "etc");
  const names = await readdir(etc).catch(() => []);
  const file = names.find((name) => /^ld-musl-.*\.path$/.test(name));
  const content = file && (await readSmallFile(join(etc, file), MAX_PATHS_BYTES).catch(() => undefined));
  return content
    ?.toString()
    .split(/[:\n]/)
    .filter((folder) => folder.startsWith("/"));
}
