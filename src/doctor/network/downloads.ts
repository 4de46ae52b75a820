import { access, constants } from "node:fs/promises";
import { resolve } from "node:path";
import { FetchFailure } from "../../fetch/failure.ts";
import { createTlsAuthorities } from "../../fetch/tls.ts";
import { systemMessage } from "../../lib/errors.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** What downloads depend on besides their hosts: the private authority, and the folders of `file:` URLs. */
export async function* downloads({ config, base }: Situation): AsyncIterable<Observation> {
  const { ca, allowedHosts, allowedFolders } = config.pluginDownload;
  try {
    await createTlsAuthorities(ca, base)();
    yield ok(ca === "" ? "the usual authorities are trusted" : `the certificates of ${ca} are trusted, too`);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    yield failure(error.message, "no https download works like this: correct the file, or empty pluginDownload.ca");
  }
  for (const folder of allowedFolders) {
    const path = resolve(base, folder);
    const problem = await access(path, constants.R_OK | constants.X_OK).then(() => undefined, systemMessage);
    if (problem !== undefined) {
      yield warning(
        `pluginDownload.allowedFolders has ${path}: ${problem}`,
        "make it, let the server's user read it, or remove it",
      );
    }
  }
  if (allowedHosts.length > 0)
    yield ok(`zips come from ${allowedHosts.join(", ")} alone (pluginDownload.allowedHosts)`);
}
