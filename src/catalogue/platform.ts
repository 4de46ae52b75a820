import { readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { goArch, mapsMusl } from "../lib/platform.ts";

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

async function readIfPossible(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined; // not a Linux, or a container that hides it: this fact is unknown
  }
}
