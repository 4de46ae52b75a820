import { access, constants, stat } from "node:fs/promises";
import { VOLUMES } from "../../domain/plugin.ts";
import { hasCode, systemMessage } from "../../lib/errors.ts";
import { failure, type Observation, ok } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nameOf } from "../system/process-facts.ts";

/** Who works on the folders, and whether the locks' files can be opened by who would. */
export async function* lock({ layout, server }: Situation): AsyncIterable<Observation> {
  if (server.pid !== "self") return yield ok(`${nameOf(server)} works on these folders`);
  yield ok("no server that this user can see works on these folders");
  for (const volume of VOLUMES) {
    const file = layout.lockFile(volume);
    const isFile = await stat(file).then(
      (stats) => stats.isFile(),
      () => true, // what can't be looked at, access tells
    );
    if (!isFile) {
      const message = `${file} is no file, so nothing keeps a second server from working on these folders at once`;
      yield failure(message, "move it away and restart the server");
      continue;
    }
    const problem = await access(file, constants.W_OK).then(
      () => undefined,
      (error) => (hasCode(error, "ENOENT", "EROFS") ? undefined : systemMessage(error)),
    );
    if (problem === undefined) continue;
    yield failure(
      `${file} can't be opened by ${nameOf(server)}: ${problem}`,
      "another user ran the server here: give that file to the server's user",
    );
  }
}
