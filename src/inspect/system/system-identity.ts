import { createHash } from "node:crypto";
import { statSync } from "node:fs";
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
