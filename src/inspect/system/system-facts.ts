import { readDynamic } from "../elf/dynamic.ts";
import { type ElfImage, readElf } from "../elf/image.ts";
import { definedVersions, newestGlibc, wantedVersions } from "../elf/versions.ts";
import { withFile } from "../file-bytes.ts";
import { type Libc, libcOf } from "../libc.ts";
import { openSearch } from "./libraries.ts";

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
