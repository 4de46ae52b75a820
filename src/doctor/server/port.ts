import { FetchFailure } from "../../fetch/failure.ts";
import { membersOf, parsedJson } from "../../lib/objects.ts";
import { quoted } from "../../lib/text.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import { type Answer, ask, directClient } from "../network/ask.ts";
import type { Situation } from "../situation.ts";
import { nameOf } from "../system/process-facts.ts";

/** Of this machine, so an answer comes at once or never. */
const LIMITS = { connectTimeoutSeconds: 3, idleTimeoutSeconds: 3, verifyTls: false };

const ANY: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]", localhost: "127.0.0.1" };

/** Who answers at the server's own address: itself, the engine, another program, nobody. */
export async function* port(situation: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const { config, server, base } = situation;
  const { restIp, restPort, restTls } = config.basic;
  if (restPort === 0) return yield skipped("basic.restPort is 0: the server takes a free port, and logs which");
  const host = ANY[restIp] ?? (restIp.includes(":") ? `[${restIp}]` : restIp);
  const url = new URL(`${restTls.certfile === "" ? "http" : "https"}://${host}:${restPort}/`);
  const client = directClient(config, { base, ...LIMITS });
  try {
    // Only this server knows jobs. Where it asks for a token, it says so there, too.
    const jobs = await ask(client, new URL("jobs", url), signal);
    const about = await ask(client, url, signal);
    yield* whoIs(jobs, about, url, situation);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    const isSilent = error.brief === "connection refused";
    if (isSilent && server.pid === "self") yield ok(`nobody answers at ${url.origin}, and no server runs`);
    else if (isSilent) {
      const advice = "wait until it has started, or look into its log: it may have another port, by its environment";
      yield warning(`${nameOf(server)} runs, and nobody answers at ${url.origin}`, advice);
    } else {
      const who = restTls.certfile === "" ? "another program" : "another program, or a server without HTTPS";
      yield failure(`${who} has ${url.origin}: ${error.message}`, "set basic.restPort to a free port");
    }
  }
}

function* whoIs(jobs: Answer, about: Answer, url: URL, { server, version }: Situation): Iterable<Observation> {
  const isOurs = Array.isArray(parsedJson(jobs.text)) || (jobs.status === 401 && isUnauthenticated(jobs));
  const told = membersOf(parsedJson(about.text));
  const { version: theirs } = membersOf(told.pluginServer ?? told);
  if (isOurs) {
    const running = typeof theirs === "string" ? ` ${quoted(theirs, 50)}` : "";
    if (running !== "" && theirs !== version) {
      const advice = `restart it, if ${version} was installed meanwhile`;
      return yield warning(`the server at ${url.origin} has the version${running}, and this is ${version}`, advice);
    }
    yield ok(`the server${running} answers at ${url.origin}`);
    if (server.pid === "self") {
      const advice = "check the base folder (KuiperBaseKey); for a server of another user or container this is normal";
      yield warning(`it is not seen to work on these folders`, advice);
    }
  } else if (typeof theirs === "string" && "upTimeSeconds" in told) {
    const advice = "set basic.restPort to a free port for one of them (KUIPER__BASIC__RESTPORT for this server alone)";
    yield failure(`the engine ${quoted(theirs, 50)} has ${url.origin}, the address of this server`, advice);
  } else yield failure(`another program has ${url.origin} (${about.statusLine})`, "set basic.restPort to a free port");
}

/** The words of `auth/tokens.ts`, as text or as JSON. */
function isUnauthenticated({ text }: Answer): boolean {
  return text.includes("a token is needed");
}
