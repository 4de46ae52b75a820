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
  const points = await mountPoints();
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

/** Empty where the system does not tell. */
async function mountPoints(): Promise<ReadonlySet<string>> {
  const text = await readFile(MOUNT_INFO, "utf8").catch(() => "");
  return new Set(text.split("\n").flatMap((line) => toPoint(line.split(" ", 5)[4])));
}

/** A space, a tab, a line feed and a backslash are written in octal. */
function toPoint(field: string | undefined): string[] {
  if (field === undefined) return [];
  return [field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))];
}
