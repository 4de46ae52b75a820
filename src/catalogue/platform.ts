import { readFile } from "node:fs/promises";
import { endianness } from "node:os";

/** The two names that a plugin host's paths and files have for a system. */
export interface Platform {
  /** `debian` or `alpine`, unless it is set to something else. */
  readonly os: string;
  /** Go's name of the CPU: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, … */
  readonly arch: string;
}

/** Where the facts about the running system are; tests give their own. */
export interface SystemFacts {
  readonly osReleaseFiles: readonly string[];
  /** The files that this process has mapped, its C library among them. */
  readonly mapsFile: string;
  /** As Node names it: `x64`. */
  readonly arch: string;
  readonly endianness: "BE" | "LE";
}

const THIS_SYSTEM: SystemFacts = {
  osReleaseFiles: ["/etc/os-release", "/usr/lib/os-release"],
  mapsFile: "/proc/self/maps",
  arch: process.arch,
  endianness: endianness(),
};

/** Node's names that differ from Go's; `riscv64`, `s390x`, `loong64`, `arm`, `arm64` and `mips` are the same. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };

/**
 * What plugins must be built for to run here. A setting other than `auto` (or empty) is taken as it is. Reads at
 * most three small files and never throws: a system that tells nothing is taken for Debian.
 */
export async function detectPlatform(
  settings: { readonly os: string; readonly arch: string },
  system: SystemFacts = THIS_SYSTEM,
): Promise<Platform> {
  return {
    os: fixed(settings.os) ?? (await detectOs(system)),
    arch: fixed(settings.arch) ?? goArch(system),
  };
}

function fixed(setting: string): string | undefined {
  const value = setting.trim();
  return value === "" || value.toLowerCase() === "auto" ? undefined : value;
}

/** Hosts know two systems, and what parts them is the C library: a plugin is a shared object linked to it. */
async function detectOs(system: SystemFacts): Promise<string> {
  if ((await osReleaseId(system.osReleaseFiles)) === "alpine") return "alpine";
  const maps = await textOf(system.mapsFile);
  return maps !== undefined && mapsMusl(maps) ? "alpine" : "debian";
}

/** `ID` of the first file that can be read: os-release(5) says that the second is only for when the first is absent. */
async function osReleaseId(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const text = await textOf(file);
    if (text !== undefined) return /^ID=(["']?)([^"'\s]*)\1\s*$/m.exec(text)?.[2]?.toLowerCase();
  }
  return undefined;
}

/**
 * musl is one file, `ld-musl-<arch>.so.1` or, where that is a link, `libc.so`; glibc's is `libc.so.6`. Asking for
 * the file in /lib would not do: Debian's package `musl` puts one there too. `process.report` knows, in 100 ms.
 */
function mapsMusl(maps: string): boolean {
  return /\/(?:ld-musl-[^/\s]+|libc\.so)$/m.test(maps);
}

function goArch({ arch, endianness }: SystemFacts): string {
  if (arch === "ppc64") return endianness === "LE" ? "ppc64le" : "ppc64";
  return GO_ARCH[arch] ?? arch;
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined; // not a Linux, or a container that hides it: one fact less
  }
}
