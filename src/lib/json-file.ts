import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { hasCode } from "./errors.ts";
import { readSmallFile } from "./small-file.ts";

/**
 * Reads a file that this server has written. Undefined where there is none.
 *
 * @throws for what is no regular file, larger, no JSON or not of that schema; the file system's error
 */
export async function readJsonFile<T extends TSchema>(
  schema: T,
  file: string,
  maxBytes: number,
): Promise<Static<T> | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readSmallFile(file, maxBytes);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const parsed: unknown = JSON.parse(bytes.toString("utf8"));
  if (Value.Check(schema, parsed)) return parsed;
  throw unlikeSchema(file);
}

/** For what a schema can't say, too. */
export function unlikeSchema(file: string): Error {
  return new Error(`${file} does not match the schema of this version`);
}
