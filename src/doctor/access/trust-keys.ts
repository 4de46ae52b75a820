import { count } from "../../lib/text.ts";
import { readKeys, WarnOnce } from "../../package/trust/trusted-keys.ts";
import { CollectedLog } from "../collected-log.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** The public keys of those whose plugins are trusted. */
export async function* trustKeys({ config, layout }: Situation): AsyncIterable<Observation> {
  const log = new CollectedLog();
  const keys = await readKeys(layout.trustFolder, new WarnOnce(log));
  for (const line of log.lines)
    yield warning(line, "one public key (PEM) to a file: P-256, Ed25519 or RSA from 2048 bits");
  const { require, requireStatement } = config.trust;
  if (keys.length > 0) yield ok(`${count(keys.length, "key")} in ${layout.trustFolder}`);
  else if (require || requireStatement) {
    const setting = requireStatement ? "trust.requireStatement" : "trust.require";
    yield failure(
      `no plugin can be installed: ${setting} is true, and no key is in ${layout.trustFolder}`,
      "put one there",
    );
  } else if (log.lines.length === 0) yield ok("no signature is asked for: there is no key, and trust.require is false");
}
