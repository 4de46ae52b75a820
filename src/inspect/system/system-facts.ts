import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { readDynamic } from "../elf/dynamic.ts";
import { readElf } from "../elf/image.ts";
import { withFile } from "../file-bytes.ts";
import { definedVersions, type Libc, libcOf, neededVersions, newestGlibc } from "../libc.ts";
import { findLibraries, openSearch } from "./libraries.ts";
import { defaultFolders } from "./library-folders.ts";

/** The CPU and the C library of the programs that run here. */
export interface SystemFacts {
  /** Go's name, such as `amd64`; `""` when unknown. */
  readonly cpu: string;
  readonly libc: Libc;
  /** Such as `2.36`; `""` when unknown or not glibc. */
  readonly glibc: string;
  /** The file of that glibc, where `LD_LIBRARY_PATH` leads to another one than the system's; `""` without. */
  readonly glibcByPath: string;
}

const UNKNOWN: SystemFacts = { cpu: "", libc: "none", glibc: "", glibcByPath: "" };

/**
 * Reads them from a program that runs here, Node itself. What can't be read is unknown, so that checks are skipped;
 * the catalogue's `detectPlatform` asks another question, since it must always name a folder of a plugin host.
 *
 * @param ldLibraryPath of the engine's process, which may lead to another glibc
 * @param root where to look for the C library; tests have their own
 */
export async function readSystemFacts(
  ldLibraryPath = "",
  program: string = process.execPath,
  root = "/",
): Promise<SystemFacts> {
  try {
    const facts = await withFile(program, async (file) => {
      const image = await readElf(file);
      if (image === undefined) return UNKNOWN;
      const dynamic = await readDynamic(image);
      const libc = libcOf(image, dynamic, dynamic === undefined ? [] : await neededVersions(image, dynamic));
      const none = { version: "", byPath: "" };
      const glibc = libc === "glibc" ? await findGlibc(image.cpu, ldLibraryPath, root) : none;
      return { cpu: image.cpu, libc, glibc: glibc.version, glibcByPath: glibc.byPath };
    });
    return facts ?? UNKNOWN;
  } catch {
    return UNKNOWN; // not Linux, or its files are hidden: skip the checks that need it
  }
}

/** The newest version of its symbols is glibc's own; Node's `process.report` also knows it, but takes 100 ms. */
async function findGlibc(
  cpu: string,
  ldLibraryPath: string,
  root: string,
): Promise<{ readonly version: string; readonly byPath: string }> {
  const noFolders = { rpath: "", runpath: "", engineRpath: "", ldLibraryPath };
  const search = { cpu, libc: "glibc", origin: "/", ...noFolders, loaded: [], root } as const;
  const library = await (await openSearch(search))("libc.so.6");
  if (typeof library === "string") return { version: "", byPath: "" };
  const { byPath } = await findLibraries(["libc.so.6"], search);
  const versions = await withFile(library.path, async (file) => {
    const image = await readElf(file);
    const dynamic = image && (await readDynamic(image));
    return image && dynamic ? await definedVersions(image, dynamic) : [];
  });
  return { version: newestGlibc(versions ?? []), byPath: byPath[0] ?? "" };
}

/**
 * Changes with the system's C library, and when a library appears or disappears where the loader searches by default.
 * Reads the times of a few files; never throws.
 *
 * @param root `/`; tests have their own
 */
export async function systemFingerprint(
  system: Omit<SystemFacts, "glibcByPath">,
  ldLibraryPath: string,
  root = "/",
): Promise<string> {
  const { cpu, libc, glibc } = system;
  const named = ldLibraryPath.split(/[:;]/).filter((folder) => folder.startsWith("/"));
  // A folder's time changes with its entries, even when nobody runs ldconfig.
  const places = ["/etc/ld.so.cache", ...(await defaultFolders({ libc, cpu, root })), ...named];
  const states = places.map((place) => stateOf(join(root, place)));
  return createHash("sha256")
    .update(JSON.stringify([cpu, libc, glibc, ldLibraryPath, states]))
    .digest("base64url")
    .slice(0, 22);
}

/** Synchronous: waiting for ten answers of other threads takes a hundred times as long as the calls themselves. */
function stateOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch {
    return "";
  }
}
