import { chmod, open, rename, rm } from "node:fs/promises";
import { PluginError } from "../domain/errors.ts";
import type { PackageRequest } from "../domain/install-request.ts";
import { pluginKey } from "../domain/plugin.ts";
import { makeFolder } from "../lib/durable.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import { Deadline } from "../lib/signals.ts";
import { quotedWords } from "../lib/text.ts";
import { readArchive } from "../package/archive.ts";
import { checkPortable } from "../package/portable.ts";
import { unpack } from "../package/unpack.ts";
import { ChangeRun } from "./change-run.ts";
import { obtainZip, verifyZip } from "./obtain.ts";
import { type Follower, type PipelineParts, tooSlow } from "./pipeline.ts";

/** The engine may run as another user. */
const HANDED_MODE = 0o644;

/**
 * Receives the zip of a portable plugin and checks it as that of any other: where it comes from, its size, its sha256, who
 * signed it, and that no entry leads out of its folder. The engine then installs the file that was checked.
 *
 * @param hand gives the file (an absolute path, which the engine can read) to the engine; it is gone afterwards
 * @throws PluginError, StageFailure, with the reason; nothing was given to the engine then, unless `hand` threw it
 */
export async function handPortable<T>(
  request: PackageRequest,
  follower: Follower,
  parts: Pick<PipelineParts, "queue" | "store" | "downloader" | "trust" | "limits" | "scripts" | "unpacking">,
  hand: (file: string) => Promise<T>,
): Promise<T> {
  const { queue, store, downloader, trust, limits, scripts, unpacking } = parts;
  const { id, source, shellParas } = request;
  using place = await queue.enter(pluginKey(id), follower.signal, request.heldBytes);
  const run = new ChangeRun({ ...follower, plugin: id, signal: place.signal });
  await using work = await store.temporaryWorkspace();

  const zip = await run.stage("download", {}, async () => {
    const obtained = await obtainZip(source, work.zipFile, run, downloader);
    const verified = await verifyZip(obtained, request, { downloader, trust, signal: run.signal, log: run.log });
    return { ...obtained, verified };
  });
  const facts = { origin: source.origin, sha256: zip.sha256, verified: zip.verified };
  await run.stage("check", facts, async () => {
    await using file = await open(zip.file, OPEN_WITHOUT_WAITING);
    const { hasScript, reading } = checkPortable(await readArchive(file, limits.maxEntries), id.name, limits);
    if (hasScript) scripts.assertAllowed();
    else if (shellParas.length > 0) {
      const given = quotedWords(shellParas);
      throw new PluginError("SCRIPT_ABSENT", `have shell parameters : [${given}] but no install.sh file`);
    }
    using _turn = await unpacking.enter(run.signal);
    using deadline = new Deadline(run.signal, limits.unpackTimeoutSeconds * 1000, () => tooSlow(limits));
    await unpack(file, reading, work, deadline.signal, run); // the engine has no bounds for what its data becomes
  });

  const handed = store.layout.handedZip(work.id);
  try {
    await makeFolder(store.layout.engineFolder);
    await chmod(zip.file, HANDED_MODE);
    await rename(zip.file, handed);
    return await run.stage("commit", facts, () => hand(handed));
  } finally {
    await rm(handed, { force: true });
  }
}
