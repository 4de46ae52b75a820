import { type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { nameOf } from "./process-facts.ts";

/** Whether install.sh of whoever can install a plugin runs as root. */
export async function* user({ server, config }: Situation): AsyncIterable<Observation> {
  const { trust, installScript } = config;
  if (server.uid !== 0) return yield ok(`${nameOf(server)} is not root`);
  const isSigned = trust.require || trust.requireStatement;
  if (!installScript.enabled) yield ok("root runs the server; scripts of zips are refused (installScript.enabled)");
  else if (isSigned) yield ok("root runs the server; it runs scripts of signed zips alone");
  else {
    yield warning(
      `${nameOf(server)} is root, and so is each install.sh that it runs`,
      "run the server as a user of its own, or set trust.require, or installScript.enabled: false",
    );
  }
}
