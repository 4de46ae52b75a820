import { open } from "node:fs/promises";
import { PluginError } from "../domain/errors.ts";
import { checkPluginName } from "../domain/names.ts";
import { type PluginId, type PluginType, parseSoFileName, soPath } from "../domain/plugin.ts";
import { OPEN_WITHOUT_WAITING } from "../lib/files.ts";
import { Deadline } from "../lib/signals.ts";
import { readArchive } from "../package/archive.ts";
import { readEntryNames } from "../package/entry-name.ts";
import { insteadOfAnySo } from "../package/missing-file.ts";
import { planPackage } from "../package/plan.ts";
import { type Staging, unpack, unpackedSo } from "../package/unpack.ts";
import type { ChangeRun } from "./change-run.ts";
import { type PackageParts, tooSlow } from "./pipeline.ts";

interface IdentifyOptions {
  /** What is known already. */
  readonly known: Partial<PluginId>;
  /** How a client says which plugin it is, for a zip that does not tell. */
  readonly remedy: string;
  /** Where the .so is unpacked, if its type has to be found out. */
  readonly folder: Staging;
  readonly run: ChangeRun;
  readonly parts: Pick<PackageParts, "check" | "limits" | "unpacking">;
}

export interface Identified {
  readonly id: PluginId;
  /** Whether nothing in the zip tells the type, so that it may as well be another one. */
  readonly isTypeGuessed: boolean;
}

/**
 * Finds out which plugin a zip is of: its name is that of the only .so, its type that of the .so's symbols. Where these do not
 * tell, it is a source if it has the yaml that only a source needs, and otherwise taken for a function.
 *
 * @throws StageFailure with ARCHIVE_INVALID, NAME_INVALID
 */
export async function identifyPackage(zipFile: string, options: IdentifyOptions): Promise<Identified> {
  const { known, remedy, folder, run, parts } = options;
  const { check, limits } = parts;
  await using zip = await open(zipFile, OPEN_WITHOUT_WAITING);
  const { archive, name, isLikeSource } = await run.stage("check", {}, async () => {
    const archive = await readArchive(zip, limits.maxEntries);
    const paths = readEntryNames(archive.entries).map(({ path }) => path);
    const name = checkPluginName(known.name ?? nameOfOnlySo(paths, remedy));
    return { archive, name, isLikeSource: paths.includes(`${name}.yaml`) };
  });
  if (known.type !== undefined) return { id: { type: known.type, name }, isTypeGuessed: false };

  const guess: PluginType = isLikeSource ? "sources" : "functions";
  using _turn = await parts.unpacking.enter(run.signal);
  const so = await run.stage("unpack", {}, async () => {
    using deadline = new Deadline(run.signal, limits.unpackTimeoutSeconds * 1000, () => tooSlow(limits));
    const plan = planPackage(archive, { type: guess, name }, limits);
    const target = soPath(guess, plan.soFile.fileName);
    const files = plan.files.filter(({ place }) => place.kind === "engine" && place.target === target);
    const only = { ...plan, files, hasScript: false, scriptFolders: [] };
    return unpackedSo(plan, await unpack(zip, only, folder, deadline.signal, run));
  });
  const told = await check.typeOf(so.path, name, run.signal);
  return { id: { type: told ?? guess, name }, isTypeGuessed: told === undefined && !isLikeSource };
}

function nameOfOnlySo(names: readonly string[], remedy: string): string {
  const [only, ...others] = names.filter((name) => !name.includes("/")).flatMap((name) => parseSoFileName(name) ?? []);
  if (only !== undefined && others.length === 0) return only.name;
  const instead = only === undefined ? insteadOfAnySo(names.filter((name) => name !== "")) : "";
  if (instead !== "") throw new PluginError("ARCHIVE_INVALID", `the zip has no .so at its root${instead}`);
  const found = only === undefined ? "no .so" : `${others.length + 1} .so files`;
  throw new PluginError("ARCHIVE_INVALID", `the zip has ${found} at its root; ${remedy}`);
}
