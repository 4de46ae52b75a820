import { checkFunctionNames } from "../../domain/names.ts";
import type { Log } from "../../lib/log.ts";
import { membersOf, objectsIn, stringsIn } from "../../lib/objects.ts";
import { readSmallFile } from "../../lib/small-file.ts";

/** Metadata is a form for dashboards: some kilobytes. */
const MAX_BYTES = 1024 * 1024;
/** As many as an install may name. */
const MAX_FUNCTIONS = 1000;

/**
 * The functions of a plugin as its metadata lists them: `functions[].name` of `etc/functions/N.json`.
 *
 * @returns none where there is no such list, or one with names that no function can have
 */
export async function functionsInMetadata(file: string, log: Log): Promise<string[]> {
  try {
    const { functions } = membersOf(JSON.parse((await readSmallFile(file, MAX_BYTES)).toString("utf8")));
    const names = stringsIn(objectsIn(functions).map(({ name }) => name));
    return names.length > 0 && names.length <= MAX_FUNCTIONS ? checkFunctionNames(names) : [];
  } catch (err) {
    log.debug({ err, file }, "the metadata of a plugin names no functions");
    return [];
  }
}
