import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { KEPT_OUTPUT_BYTES } from "../../domain/change.ts";
import type { PluginVersion } from "../../domain/plugin-entry.ts";
import { readSmallFileIfFit } from "../../lib/small-file.ts";
import type { Workspace } from "../journal/workspace.ts";
import type { KeptLease } from "./kept-lease.ts";

/** For the server's user alone: it may hold secrets. */
const MODE = 0o600;

/**
 * Keeps what install.sh printed by its sha256, as the files of earlier versions are: so it goes with its version, and
 * comes back with it. Durable when this resolves.
 *
 * @returns what the version's entry says of it
 * @throws the file system's error
 */
export async function keepLog(
  printed: string,
  { workspace, lease }: { readonly workspace: Workspace; readonly lease: KeptLease },
): Promise<Pick<PluginVersion, "installLog">> {
  if (printed === "") return {};
  const sha256 = createHash("sha256").update(printed).digest("hex");
  const path = workspace.file("plugins", "install.log");
  await writeFile(path, printed, { mode: MODE });
  await lease.keep({ volume: "plugins", sha256 }, { path, isReplaced: true }); // the workspace goes: a link will do
  await lease.sync();
  return { installLog: sha256 };
}

/** Undefined where somebody removed or replaced it. @throws the file system's error */
export async function readLog(file: string): Promise<string | undefined> {
  return (await readSmallFileIfFit(file, KEPT_OUTPUT_BYTES))?.toString();
}
