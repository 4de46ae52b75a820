import { endianness } from "node:os";
import { readSmallFile } from "../lib/small-file.ts";

/** Node's names of CPUs that differ from Go's; `riscv64`, `s390x`, `loong64`, `arm`, `arm64` and `mips` are the same. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };

/**
 * Go's name of a CPU: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, …
 *
 * @param arch as Node names it: `x64`; by default the CPU that this process runs on
 */
function goArch(arch: string = process.arch, byteOrder: "BE" | "LE" = endianness()): string {
  if (arch === "ppc64") return byteOrder === "LE" ? "ppc64le" : "ppc64";
  return GO_ARCH[arch] ?? arch;
}

/**
 * Whether a process with these /proc/<pid>/maps has musl for its C library. musl is one file, `ld-musl-<arch>.so.1` or,
 * where that is a link, `libc.so`; glibc's is `libc.so.6`. To look for the file in /lib would not do: Debian's package
 * `musl` puts one there too. `process.report` knows it as well, but takes 100 ms.
 */
function mapsMusl(maps: string): boolean {
  return /\/(?:ld-musl-[^/\s]+|libc\.so)$/m.test(maps);
}

/** The two names that a plugin host's paths and files have for a system. */
export interface Platform {
  /** `debian` or `alpine`, unless it is set to something else. */
  readonly os: string;
  /** Go's name of the CPU: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, … */
  readonly arch: string;
}

/** Where the facts about the running system are; tests have their own. */
export interface PlatformFacts {
  readonly osReleaseFiles: readonly string[];
  /** The files that this process has mapped, its C library among them. */
  readonly mapsFile: string;
  /** As Node names it: `x64`. */
  readonly arch: string;
  readonly endianness: "BE" | "LE";
}

const THIS_SYSTEM: PlatformFacts = {
  osReleaseFiles: ["/etc/os-release", "/usr/lib/os-release"],
  mapsFile: "/proc/self/maps",
  arch: process.arch,
  endianness: endianness(),
};

/**
 * What plugins must be built for to run here. A setting other than `auto` (or empty) is taken as it is. Reads at
 * most three small files and never throws: a system whose files can't be read is taken for Debian.
 *
 * Not what inspect/system detects: a plugin host needs a name in any case, an inspection may say that it does not know.
 */
export async function detectPlatform(
  settings: { readonly os: string; readonly arch: string },
  facts: PlatformFacts = THIS_SYSTEM,
): Promise<Platform> {
  return {
    os: fixed(settings.os) ?? (await detectOs(facts)),
    arch: fixed(settings.arch) ?? goArch(facts.arch, facts.endianness),
  };
}

function fixed(setting: string): string | undefined {
  const value = setting.trim();
  return value === "" || value.toLowerCase() === "auto" ? undefined : value;
}

/** Hosts know two systems, which differ in the C library: a plugin is a shared object linked to it. */
async function detectOs(facts: PlatformFacts): Promise<string> {
  if ((await osReleaseId(facts.osReleaseFiles)) === "alpine") return "alpine";
  const maps = await readIfPossible(facts.mapsFile);
  return maps !== undefined && mapsMusl(maps) ? "alpine" : "debian";
}

/** `ID` of the first file that can be read: os-release(5) says that the second is only for when the first is absent. */
async function osReleaseId(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const content = await readIfPossible(file);
    if (content !== undefined) return /^ID=(["']?)([^"'\s]*)\1\s*$/m.exec(content)?.[2]?.toLowerCase();
  }
  return undefined;
}

/** /proc/self/maps is the largest of them. */
const MAX_FACTS_BYTES = 16 * 1024 * 1024;

async function readIfPossible(file: string): Promise<string | undefined> {
  try {
    return (await readSmallFile(file, MAX_FACTS_BYTES)).toString();
  } catch {
    return undefined; // not a Linux, or a container that hides it: this fact is unknown
  }
}
