import { chmod, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { PackageRequest } from "../domain/install-request.ts";
import { pluginKey } from "../domain/plugin.ts";
import { makeFolder } from "../lib/durable.ts";
import { moveFile, OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import { Deadline } from "../lib/signals.ts";
import { readArchive } from "../package/archive.ts";
import { checkPortable } from "../package/portable.ts";
import { unpack } from "../package/unpack.ts";
import { ChangeRun } from "./change-run.ts";
import { type Follower, fetchZip, type PipelineParts, refuseUselessArguments, tooSlow } from "./pipeline.ts";

/** The engine may run as another user. */
const HANDED_MODE = 0o644;

/** The engine, which installs portable plugins itself. */
export interface PortableInstaller<T> {
  /** Where it can read a zip: absolute, and not there yet. */
  pathFor(id: string): Promise<string>;
  /** Has it install the zip at that path, which is gone afterwards. */
  install(file: string): Promise<T>;
}

/**
 * Receives the zip of a portable plugin and checks it as that of any other: where it comes from, its size, its sha256, who
 * signed it, and that no entry leads out of its folder. The engine then installs the file that was checked.
 *
 * @throws PluginError, StageFailure, with the reason; nothing was given to the engine then, unless `install` threw it
 */
export async function handPortable<T>(
  request: PackageRequest,
  follower: Follower,
  parts: Pick<PipelineParts, "queue" | "store" | "downloader" | "trust" | "limits" | "scripts" | "unpacking">,
  engine: PortableInstaller<T>,
): Promise<T> {
  const { queue, store, limits, scripts, unpacking } = parts;
  const { id, source, shellParas } = request;
  using place = await queue.enter(pluginKey(id), follower.signal, request.heldBytes);
  using run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
  await using work = await store.temporaryWorkspace();

  const zip = await fetchZip(request, work.zipFile, run, parts);
  const facts = { origin: source.origin, sha256: zip.sha256, verified: zip.verified };
  await run.stage("check", facts, async () => {
    await using file = await open(zip.file, OPEN_WITHOUT_WAITING);
    const { hasScript, reading } = checkPortable(await readArchive(file, limits.maxEntries), id.name, limits);
    if (hasScript) scripts.assertAllowed();
    refuseUselessArguments({ hasScript }, shellParas);
    using _turn = await unpacking.enter(run.signal);
    using deadline = new Deadline(run.signal, limits.unpackTimeoutSeconds * 1000, () => tooSlow(limits));
    await unpack(file, reading, work, deadline.signal, run); // the engine has no bounds for what its data becomes
  });

  const handed = await engine.pathFor(work.id);
  try {
    await makeFolder(dirname(handed));
    await moveFile(zip.file, handed);
    await chmod(handed, HANDED_MODE);
    return await run.stage("commit", facts, () => engine.install(handed));
  } finally {
    await rm(handed, { force: true });
  }
}
