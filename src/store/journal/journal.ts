import { rm } from "node:fs/promises";
import { type Static, Type } from "@sinclair/typebox";
import { PluginError } from "../../domain/errors.ts";
import { isFilePath } from "../../domain/plugin.ts";
import { replaceFile, syncFolder } from "../../lib/durable.ts";
import { hasCode } from "../../lib/errors.ts";
import { NOT_THERE, statIfThere } from "../../lib/files.ts";
import { readJsonFile, unlikeSchema } from "../../lib/json-file.ts";
import type { Workspace } from "./workspace.ts";

/** What a change is about to do to one file, and what is needed to undo it. Names are those in the workspace. */
const JournalMoveSchema = Type.Object({
  target: Type.String(),
  /** The prepared file that becomes the target; null removes the target. */
  staged: Type.Union([Type.String({ pattern: "^\\d+\\.new$" }), Type.Null()]),
  /** Identifies the prepared file after it was moved, so that no other file is taken for it. */
  stagedInode: Type.Union([Type.String(), Type.Null()]),
  /** The second name of the file that was there before; null when there was none. */
  saved: Type.Union([Type.String({ pattern: "^\\d+\\.old$" }), Type.Null()]),
});

const JournalSchema = Type.Object({
  schema: Type.Literal(1),
  change: Type.String(),
  type: Type.Union([Type.Literal("sources"), Type.Literal("sinks"), Type.Literal("functions")]),
  name: Type.String(),
  kind: Type.Union([Type.Literal("install"), Type.Literal("remove")]),
  moves: Type.Array(JournalMoveSchema),
  /** Folders that the change makes, outermost first. */
  newFolders: Type.Array(Type.String()),
  /** The change by which the version before was installed; null where there was none, or none is known. */
  before: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

/** 20,000 moves with the longest paths have a quarter of it. A larger one is neither read nor written. */
const MAX_JOURNAL_BYTES = 256 * 1024 * 1024;

export type JournalMove = Static<typeof JournalMoveSchema>;
export type Journal = Static<typeof JournalSchema>;

/** @throws PluginError STORAGE_FAILED for one that could not be read again; the file system's error */
export async function writeJournal(
  workspace: Workspace,
  journal: Journal,
  maxBytes = MAX_JOURNAL_BYTES,
): Promise<void> {
  const json = `${JSON.stringify(journal, null, 2)}\n`;
  if (json.length > maxBytes || Buffer.byteLength(json) > maxBytes) {
    const message = `the journal of this change would have more than ${maxBytes} bytes`;
    throw new PluginError("STORAGE_FAILED", `${message}; use a zip with fewer files or shorter names`);
  }
  await replaceFile(workspace.journalFile, json);
}

/**
 * Ends a change: from here on a restart leaves the files as they are. Durable before anything else may touch the
 * same files, since a journal that came back after a power cut would undo what was done since.
 */
export async function dropJournal(workspace: Workspace): Promise<void> {
  await rm(workspace.journalFile, { force: true, recursive: true }); // a script may have put a folder there
  await syncFolder(workspace.folder("plugins")).catch((error) => {
    if (!hasCode(error, ...NOT_THERE)) throw error; // a script removed the whole workspace, and so the journal
  });
}

/**
 * The journal of a workspace, or undefined where the change had not begun to touch anything.
 *
 * @throws when there is one that can't be read: the workspace may hold what is needed, so it must not be removed
 */
export async function readJournal(workspace: Workspace): Promise<Journal | undefined> {
  if (!(await statIfThere(workspace.journalFile))?.isFile()) return undefined; // anything else was not written by us
  const journal = await readJsonFile(JournalSchema, workspace.journalFile, MAX_JOURNAL_BYTES);
  if (journal !== undefined && !isOf(journal, workspace)) throw unlikeSchema(workspace.journalFile);
  return journal;
}

function isOf({ change, moves, newFolders }: Journal, { id }: Workspace): boolean {
  return change === id && moves.every(({ target }) => isFilePath(target)) && newFolders.every(isFilePath);
}
