import { realpath } from "node:fs/promises";
import { VOLUMES } from "../../domain/plugin.ts";
import { readMounts } from "../../lib/mounts.ts";
import { quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { firstThere } from "./first-there.ts";

type Mount = Awaited<ReturnType<typeof readMounts>>[number];

/** How the volumes are mounted, and what is mounted below them. */
export async function* mounts({ layout }: Situation): AsyncIterable<Observation> {
  const all = await readMounts();
  if (all.length === 0) return yield skipped("this system does not tell what is mounted");
  for (const volume of VOLUMES) {
    const folder = await realpath(await firstThere(layout.volume(volume)));
    const mount = mountOf(folder, all);
    if (mount !== undefined) yield* optionsOf(folder, mount, volume === "plugins");
    for (const below of latest(all).filter(({ point }) => point.startsWith(`${folder}/`))) {
      yield* mountedBelow(below, volume === "plugins");
    }
  }
}

/** The mount that a folder is on: of several at one point, the last one made hides the others. */
export function mountOf(folder: string, all: readonly Mount[]): Mount | undefined {
  const isAbove = ({ point }: Mount) => point === "/" || folder === point || folder.startsWith(`${point}/`);
  return latest(all)
    .filter(isAbove)
    .reduce<Mount | undefined>((best, one) => (best && best.point.length > one.point.length ? best : one), undefined);
}

function latest(all: readonly Mount[]): Mount[] {
  return [...new Map(all.map((mount) => [mount.point, mount])).values()];
}

function* optionsOf(folder: string, { options, point }: Mount, hasPrograms: boolean): Iterable<Observation> {
  const isReadOnly = options.includes("ro");
  const where = `${folder} (on the mount ${quoted(point)})`;
  if (isReadOnly && hasPrograms) yield failure(`${where} can only be read`, "mount it writable");
  else if (isReadOnly)
    yield failure(`${where} can only be read: no plugin with configuration installs`, "mount it writable");
  const hinders = hasPrograms && options.includes("noexec");
  if (hinders) {
    yield failure(`${where} has noexec: no engine can load a .so from there`, `mount -o remount,exec ${quoted(point)}`);
  }
  if (!isReadOnly && !hinders) yield ok(`${folder} is on the mount ${quoted(point)}`);
}

function* mountedBelow({ point, options }: Mount, hasPrograms: boolean): Iterable<Observation> {
  const name = quoted(point);
  if (hasPrograms && isFileOfOurs(point)) {
    return yield failure(
      `${name} is mounted by itself and can't be replaced`,
      "mount the folder that it is in instead",
    );
  }
  if (options.includes("ro")) {
    yield warning(`${name} is mounted by itself and can only be read`, "mount it writable if plugins are to change it");
  } else if (hasPrograms && options.includes("noexec")) {
    yield failure(`${name} has noexec: no engine can load a .so from there`, `mount -o remount,exec ${name}`);
  } else yield ok(`${name} is mounted by itself: a change copies there what it could rename elsewhere`);
}

function isFileOfOurs(point: string): boolean {
  return point.endsWith(".so") || point.endsWith("/registry.json");
}
