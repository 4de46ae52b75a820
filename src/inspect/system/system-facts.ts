import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { definedVersions, newestGlibc, readDynamic, wantedVersions } from "../elf/dynamic.ts";
import { type ElfImage, readElf } from "../elf/image.ts";
import { withFile } from "../file-bytes.ts";
import { type Libc, libcOf } from "../libc.ts";
import { openSearch } from "./libraries.ts";
import { defaultFolders } from "./library-folders.ts";

/** What runs here. */
export interface SystemFacts {
  /** Go's name, such as `amd64`; `""` when unknown. */
  readonly cpu: string;
  readonly libc: Libc;
  /** Such as `2.36`; `""` when unknown or not glibc. */
  readonly glibc: string;
}

const UNKNOWN: SystemFacts = { cpu: "", libc: "none", glibc: "" };

/**
 * Takes a program that runs here for the system: Node itself. What can't be read is unknown.
 *
 * @param root where to look for the C library; tests have their own
 */
export async function readSystemFacts(program: string = process.execPath, root = "/"): Promise<SystemFacts> {
  try {
    const facts = await withFile(program, async (file) => {
      const image = await readElf(file);
      if (image === undefined) return UNKNOWN;
      const dynamic = await readDynamic(image);
      const libc = libcOf(image, dynamic, dynamic === undefined ? [] : await wantedVersions(image, dynamic));
      return { cpu: image.cpu, libc, glibc: libc === "glibc" ? await glibcVersion(image.cpu, root) : "" };
    });
    return facts ?? UNKNOWN;
  } catch {
    return UNKNOWN; // no Linux, or one that hides its files: a check less
  }
}

/** The newest version of its symbols is the version of glibc; asking Node's report takes 100 ms. */
async function glibcVersion(cpu: string, root: string): Promise<string> {
  const search = {
    cpu,
    libc: "glibc",
    origin: "/",
    rpath: "",
    runpath: "",
    engineRpath: "",
    ldLibraryPath: "",
  } as const;
  const find = await openSearch({ ...search, loaded: [], root });
  const library = await find("libc.so.6");
  if (typeof library === "string") return "";
  const versions = await withFile(library.path, async (file) => {
    const image: ElfImage | undefined = await readElf(file);
    const dynamic = image && (await readDynamic(image));
    return image && dynamic ? await definedVersions(image, dynamic) : [];
  });
  return newestGlibc(versions ?? []);
}

/**
 * Names the state of what this system adds to a verdict: another one when its C library is another, or when a library
 * comes or goes where the loader looks by itself. It asks for the times of a few files; nothing of it throws.
 *
 * @param root `/`; tests have their own
 */
export async function systemIdentity(system: SystemFacts, ldLibraryPath: string, root = "/"): Promise<string> {
  const { cpu, libc, glibc } = system;
  const named = ldLibraryPath.split(/[:;]/).filter((folder) => folder.startsWith("/"));
  // A folder's time changes with its entries, also where nobody runs ldconfig.
  const places = ["/etc/ld.so.cache", ...(await defaultFolders({ libc, cpu, root })), ...named];
  const states = places.map((place) => stateOf(join(root, place)));
  return createHash("sha256")
    .update(JSON.stringify([cpu, libc, glibc, ldLibraryPath, states]))
    .digest("base64url")
    .slice(0, 22);
}

/** Not in the background: to wait for ten answers from there takes a hundred times as long as to look. */
function stateOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch {
    return "";
  }
}
