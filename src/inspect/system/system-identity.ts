import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { defaultFolders } from "./library-folders.ts";
import type { SystemFacts } from "./system-facts.ts";

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
  const states = await Promise.all(places.map((place) => stateOf(join(root, place))));
  return createHash("sha256")
    .update(JSON.stringify([cpu, libc, glibc, ldLibraryPath, states]))
    .digest("base64url")
    .slice(0, 22);
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch {
    return "";
  }
}
