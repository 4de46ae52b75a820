import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "../../lib/errors.ts";

/** A folder, or the nearest above it that is there: where it will be made. */
export async function firstThere(folder: string): Promise<string> {
  const isThere = await stat(folder).then(
    () => true,
    (error) => !hasCode(error, "ENOENT"),
  );
  return isThere || folder === dirname(folder) ? folder : firstThere(dirname(folder));
}
