import { quoted } from "../lib/text.ts";

/** What went wrong with a folder, and what to do about it, by the file system's code. */
const ADVICE: Readonly<Record<string, readonly [what: (folder: string) => string, advice: string]>> = {
  EACCES: [(folder) => `its user may not use ${folder}`, "give that folder to the user that runs the server"],
  EPERM: [(folder) => `its user may not change ${folder}`, "give that folder to the user that runs the server"],
  EROFS: [(folder) => `${folder} can only be read`, "mount it writable"],
  EBUSY: [
    (folder) => `something is mounted by itself or in use, in ${folder}`,
    "unmount it, and mount the whole folder instead",
  ],
  EXDEV: [(folder) => `${folder} is on another file system`, "have the folder that it is in on one file system"],
  EMFILE: [
    (folder) => `too many files are open to open another in ${folder}`,
    "raise the server's limit of open files (ulimit -n, LimitNOFILE)",
  ],
  ENFILE: [(folder) => `the system has too many open files for ${folder}`, "raise the system's limit (fs.file-max)"],
  EIO: [(folder) => `the disk of ${folder} reported an error`, "check that disk"],
  ESTALE: [(folder) => `the network file system of ${folder} has lost it`, "mount it again"],
  ENOENT: [(folder) => `a file or a folder is gone, in ${folder}`, "let nobody else clear it"],
  ENOTDIR: [(folder) => `a file is in the place of a folder, in ${folder}`, "move that file away"],
  EISDIR: [(folder) => `a folder is in the place of a file, in ${folder}`, "move that folder away"],
  ENOTEMPTY: [(folder) => `a folder that is not empty is in the way in ${folder}`, "move that folder away"],
  EEXIST: [(folder) => `a file is in the way, in ${folder}`, "move that file away"],
  ENAMETOOLONG: [(folder) => `a name is too long for ${folder}`, "use shorter names"],
  ELOOP: [(folder) => `links in ${folder} lead to each other`, "remove these links"],
  EFBIG: [(folder) => `a file is larger than ${folder} can hold`, "use another file system, or raise the limit"],
};

const FULL: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  ENOSPC: ["there is no space left on the server's disk", "free some and try again"],
  EDQUOT: ["the disk quota of the server's user is used up", "free some space or raise the quota, and try again"],
};

export const DISK_FULL: readonly string[] = Object.keys(FULL);
export const STORAGE_ERRORS: readonly string[] = [...DISK_FULL, ...Object.keys(ADVICE)];

/**
 * One sentence for an error of the file system: which folder it is about, as a path below the base folder, what is
 * wrong there and what to do. A folder that is not known to be below the base folder is not named.
 *
 * @param what the start of the message, for every error but a full disk
 */
export function storageMessage(cause: unknown, what: string): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  const folder = folderOf(cause);
  const full = FULL[code];
  if (full !== undefined) return `${full[0]}${folder === undefined ? "" : ` (${folder})`}; ${full[1]}`;
  const known = ADVICE[code];
  if (known === undefined) return `${what} (${code}); the server's log says which file it is and why`;
  return `${what}: ${known[0](folder ?? "its folder")} (${code}); ${known[1]}; see the server's log`;
}

function folderOf(error: unknown): string | undefined {
  const { dest, path } = (error ?? {}) as { readonly dest?: unknown; readonly path?: unknown };
  for (const one of [dest, path]) {
    const folder = typeof one === "string" ? folderBelowBase(one) : undefined;
    if (folder !== undefined) return quoted(folder);
  }
  return undefined;
}

/** Folders of the volumes that are the server's own, and may be named alone. */
const HIDDEN = [".changes", ".versions", ".incoming"];
const OPEN = ["sources", "sinks", "functions", "mgmt", "trust"];

/** The folder of a file, relative to the base folder, which no client needs to know. */
export function folderBelowBase(path: string): string | undefined {
  const parts = path.split("/");
  const isVolume = (index: number) => parts[index] === "plugins" || parts[index] === "etc";
  const find = (names: readonly string[]) =>
    parts.findLastIndex((part, index) => index > 0 && isVolume(index - 1) && names.includes(part));
  const hidden = find(HIDDEN);
  if (hidden !== -1) return parts.slice(hidden - 1, hidden + 1).join("/");
  const open = find(OPEN);
  if (open !== -1) return parts.slice(open - 1, Math.max(open + 1, parts.length - 1)).join("/");
  const isRegistry = parts.at(-2) === "plugins" && parts.at(-1)?.startsWith("registry.json") === true;
  return isRegistry ? "plugins" : undefined;
}
