import { resolve } from "node:path";
import { FetchFailure } from "../../fetch/failure.ts";
import { membersOf, parsedJson } from "../../lib/objects.ts";
import { quoted } from "../../lib/text.ts";
import { readTextFile } from "../access/pem-file.ts";
import { expiryOf } from "../access/token.ts";
import { failure, type Observation, ok, skipped, warning } from "../finding.ts";
import { ask, directClient } from "../network/ask.ts";
import type { Situation } from "../situation.ts";

/** Whether the engine answers at `engine.url`, and takes the token of `engine.tokenFile`. */
export async function* engineAddress({ config, base }: Situation, signal: AbortSignal): AsyncIterable<Observation> {
  const { url, tokenFile, connectTimeoutSeconds, timeoutSeconds: idleTimeoutSeconds } = config.engine;
  if (url === "") return yield skipped("engine.url is empty: this server stands alone");
  const client = directClient(config, { base, connectTimeoutSeconds, idleTimeoutSeconds, verifyTls: true });
  const at = `${url.replace(/\/$/, "")}/`;
  try {
    const { status, statusLine, text } = await ask(client, new URL(at), signal);
    const { version, pluginServer } = membersOf(parsedJson(text));
    if (pluginServer !== undefined) return yield failure(`engine.url ${url} leads to this server itself`, NAME_ENGINE);
    if (status !== 200 || typeof version !== "string") {
      return yield failure(`what answers at ${url} is no engine (${statusLine})`, NAME_ENGINE);
    }
    yield ok(`the engine ${quoted(version, 50)} answers at ${url}`);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    return yield failure(`the engine does not answer at ${url}: ${error.message}`, "start it, or correct engine.url");
  }
  const token = tokenFile === "" ? "" : await readTextFile(resolve(base, tokenFile)).catch((error: Error) => error);
  if (token instanceof Error) return yield failure(`engine.tokenFile ${tokenFile} ${token.message}`, "correct it");
  const headers: Record<string, string> = token === "" ? {} : { authorization: token.trim() };
  try {
    const { status, statusLine } = await ask(client, new URL("plugins/sources", at), signal, headers);
    if (status === 401) yield refused(token, await expiryOf(token.trim()));
    else if (status !== 200) yield warning(`the engine answers GET /plugins/sources with ${statusLine}`, "see its log");
    else yield ok(token === "" ? "it asks for no token" : "it takes the token of engine.tokenFile");
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    yield failure(`the engine does not answer GET /plugins/sources: ${error.message}`, "see its log");
  }
}

const NAME_ENGINE = "let engine.url be the engine's own REST address, such as http://127.0.0.1:9082";

function refused(token: string, expiry: Date | undefined): Observation {
  if (token === "") return failure("the engine asks for a token", "set engine.tokenFile to a file with one");
  const over =
    expiry !== undefined && expiry.getTime() < Date.now() ? `: it has expired at ${expiry.toISOString()}` : "";
  return failure(
    `the engine refuses the token of engine.tokenFile${over}`,
    "have one made that it takes; see docs/engine.md",
  );
}
