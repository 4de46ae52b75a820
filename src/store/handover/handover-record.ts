import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { isFilePath, PLUGIN_TYPES } from "../../domain/plugin.ts";
import { replaceFile, syncFolder } from "../../lib/durable.ts";
import { readJsonFile, unlikeSchema } from "../../lib/json-file.ts";

const HandedFileSchema = Type.Object({
  path: Type.String(),
  /** Of the content that was handed over. */
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
});

const HandoverRecordSchema = Type.Object({
  schema: Type.Literal(1),
  /** The change that installed the version: with another one in the registry, nothing is put back. */
  change: Type.String(),
  type: Type.Union(PLUGIN_TYPES.map((type) => Type.Literal(type))),
  name: Type.String(),
  files: Type.Array(HandedFileSchema),
});

export type HandedFile = Static<typeof HandedFileSchema>;

/** What a hand-over may damage, durable before the engine is asked. */
export type HandoverRecord = Static<typeof HandoverRecordSchema>;

const RECORD = "handover.json";

/** A plugin has three files that the engine's installer may write. */
const MAX_BYTES = 64 * 1024;

export async function writeRecord(folder: string, record: HandoverRecord): Promise<void> {
  await replaceFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

/** From here on a restart leaves the files as they are. */
export async function dropRecord(folder: string): Promise<void> {
  await rm(join(folder, RECORD), { force: true });
  await syncFolder(folder);
}

/**
 * Undefined where the hand-over had not begun, or was over.
 *
 * @throws when there is one that can't be read: the folder may hold the only copy, so it must not be removed
 */
export async function readRecord(folder: string): Promise<HandoverRecord | undefined> {
  const file = join(folder, RECORD);
  const record = await readJsonFile(HandoverRecordSchema, file, MAX_BYTES);
  if (record?.files.every(({ path }) => isFilePath(path)) === false) throw unlikeSchema(file);
  return record;
}
