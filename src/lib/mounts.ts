import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What is mounted where, as this process sees it. Only Linux tells. */
const MOUNT_INFO = "/proc/self/mountinfo";

/**
 * Which of these paths are mounted by themselves, as a single file or a folder: such a path can neither be replaced nor
 * removed, and its device does not show it, since a bind mount of the same disk has the same number.
 */
export async function mountedAmong<P extends string>(
  paths: Iterable<P>,
  toAbsolute: (path: P) => string,
): Promise<ReadonlySet<P>> {
  const points = new Set((await readMounts()).map(({ point }) => point));
  const names = new Set([...points].map((point) => basename(point)));
  const found = new Set<P>();
  for (const path of paths) {
    const absolute = toAbsolute(path);
    if (!names.has(basename(absolute))) continue; // nearly all: no folder is looked up for them
    const folder = await realpath(dirname(absolute)).catch(() => dirname(absolute));
    if (points.has(join(folder, basename(absolute)))) found.add(path);
  }
  return found;
}

interface Mount {
  /** Where it is. */
  readonly point: string;
  /** Of the mount and of the file system: `ro`, `noexec`, … */
  readonly options: readonly string[];
  /** Such as `ext4`. */
  readonly type: string;
}

/** All mounts that this process sees, in the order in which they were made. Empty where the system does not tell. */
export async function readMounts(): Promise<Mount[]> {
  const text = await readFile(MOUNT_INFO, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    const [head = "", tail = ""] = line.split(" - ", 2);
    const [, , , , point, options = ""] = head.split(" ", 6);
    const [type = "", , superOptions = ""] = tail.split(" ", 3);
    return point === undefined
      ? []
      : { point: unescaped(point), type, options: `${options},${superOptions}`.split(",") };
  });
}

/** A space, a tab, a line feed and a backslash are written in octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
