import { stat } from "node:fs/promises";
import { parsePluginHosts } from "../../catalogue/plugin-host.ts";
import { type Client, createClient } from "../../fetch/client.ts";
import { FetchFailure } from "../../fetch/failure.ts";
import { SILENT } from "../../lib/log.ts";
import { Deadline } from "../../lib/signals.ts";
import { failure, type Observation, ok, warning } from "../finding.ts";
import type { Situation } from "../situation.ts";
import { directClient } from "./ask.ts";

/** By so much clocks may differ before tokens are refused. */
const TOLERANCE_SECONDS = 30;
/** With a clock that is off by a day, certificates are refused, too. */
const WRONG_SECONDS = 86_400;
const MAX_HOSTS = 3;
const HOST_SECONDS = 5;

/** Whether this machine's clock is right, by files that can't be from the future, and by the clocks of others. */
export async function* clock(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const { layout, notBefore, config } = situation;
  const written = await stat(layout.registryFile).then(
    ({ mtime }) => mtime,
    () => undefined,
  );
  if (written !== undefined) yield* after(written, `the last write of ${layout.registryFile}`);
  if (notBefore !== undefined) yield* after(notBefore, "the build of this program");
  const isAsked = config.basic.authentication;
  let asked = 0;
  for (const { name, url, client } of clocksOf(situation)) {
    const theirs = await dateOf(client, url, signal);
    if (theirs === undefined) continue;
    asked += 1;
    const seconds = Math.round((Date.now() - theirs) / 1000);
    if (Math.abs(seconds) <= TOLERANCE_SECONDS) continue;
    const off = `this clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} that of ${name}`;
    const advice = "set the clock, and have it kept right (NTP): tokens and certificates depend on it";
    yield isAsked || Math.abs(seconds) > WRONG_SECONDS ? failure(off, advice) : warning(off, advice);
  }
  yield ok(`it is ${new Date().toISOString()}${asked === 0 ? "; no other clock could be asked" : ""}`);
}

function* after(earlier: Date, what: string): Iterable<Observation> {
  const seconds = Math.round((earlier.getTime() - Date.now()) / 1000);
  if (seconds <= TOLERANCE_SECONDS) return;
  yield failure(`this clock is ${seconds} s before ${what}`, "set the clock, and have it kept right (NTP)");
}

interface Clock {
  readonly name: string;
  readonly url: URL;
  readonly client: Client;
}

function clocksOf({ config, proxy, base, offline }: Situation): Clock[] {
  const limits = { base, connectTimeoutSeconds: HOST_SECONDS, idleTimeoutSeconds: HOST_SECONDS, verifyTls: true };
  const { url } = config.engine;
  const engine = { name: "the engine", client: directClient(config, limits) };
  const client = createClient({ config: config.pluginDownload, proxy, baseFolder: base });
  const hosts = offline ? [] : parsePluginHosts(config.basic.pluginHosts).slice(0, MAX_HOSTS);
  return [
    ...(url === "" ? [] : [{ ...engine, url: new URL(url) }]),
    ...hosts.flatMap((host) =>
      host.url === undefined ? [] : [{ name: host.redacted, url: new URL(host.url), client }],
    ),
  ];
}

/** Undefined where it can't be asked, or does not say. */
async function dateOf(client: Client, url: URL, signal: AbortSignal): Promise<number | undefined> {
  using deadline = new Deadline(signal, HOST_SECONDS * 1000, () => new FetchFailure("too slow"));
  try {
    const reply = await client.get(url, { signal: deadline.signal, log: SILENT });
    reply.discard();
    const date = Date.parse(reply.headers.date ?? "");
    return Number.isNaN(date) ? undefined : date;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FetchFailure) return undefined;
    throw error;
  }
}
