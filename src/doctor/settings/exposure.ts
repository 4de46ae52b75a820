import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";

/** Who can install plugins, and so run programs. */
export async function* exposure({ config }: Situation): AsyncIterable<Observation> {
  const { restIp, authentication, restTls } = config.basic;
  if (isLoopback(restIp)) yield ok(`only programs on this machine reach it (basic.restIp ${restIp})`);
  else if (!authentication) {
    yield failure(
      `everybody who reaches ${restIp} can install plugins, and so run programs on this machine`,
      "set basic.authentication, or let basic.restIp be 127.0.0.1",
    );
  } else if (restTls.certfile === "") {
    yield warning(
      `tokens are sent unencrypted to ${restIp}, where others on the network can read and use them`,
      "set basic.restTls, or let a reverse proxy with HTTPS be the only way to it",
    );
  } else yield ok(`${restIp} asks for a token and has HTTPS`);
  if (!config.pluginDownload.verifyTls) {
    yield warning(
      "pluginDownload.verifyTls is false: anyone on the network path can replace a plugin",
      "name the private authority in pluginDownload.ca instead",
    );
  }
}

export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.");
}
