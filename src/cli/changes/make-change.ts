import { objectsIn } from "../../lib/objects.ts";
import { CommandFailure, EXIT_STATUS, exitStatusOf, ServerRefusal } from "../failure.ts";
import { createDisplay } from "../output/change-display.ts";
import type { Output } from "../output/output.ts";
import { ENGINE_WORDS, verdictWords } from "../output/words.ts";
import { noAnswer } from "../server/answer.ts";
import { asJobView, type JobView, jobIdOf, restartBody } from "../server/job-view.ts";
import type { InstallFields } from "../server/plugin-form.ts";
import type { Reply, ServerClient } from "../server/server-client.ts";
import { followChange } from "./follow-change.ts";
import { Interrupts } from "./interrupts.ts";
import { printRules, type RuleStates, readRules } from "./rules.ts";

export interface ChangeRequest {
  readonly method: "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** `restart`, `force`: each as `1`. */
  readonly query?: Readonly<Record<string, boolean | undefined>>;
  readonly json?: object;
  /** A zip of this machine's, sent with its fields; instead of `json`. */
  readonly zip?: { readonly file: string; readonly fields: InstallFields };
}

interface ChangeParts {
  readonly client: ServerClient;
  readonly output: Output;
}

/** Makes a change, follows its job and prints what came of it; then the same for the restart of the engine that it asked for. */
export async function makeChange(request: ChangeRequest, { client, output }: ChangeParts): Promise<void> {
  const display = await createDisplay(output);
  using interrupts = new Interrupts(() => display.clear());
  const parts = { client, output, display, interrupts };
  const before = request.query?.restart ? await rulesBefore(parts) : undefined;
  const reply = await sendChange(request, parts);
  const job = reply.status === 202 ? await followChange(asJobView(reply.body), parts) : asEnded(reply);
  const restart = jobIdOf(job.restart ?? job.result?.headers?.job);
  if (restart === undefined) output.json(job);
  await printEnd(job, output);
  if (restart !== undefined) await followRestart(asJobView(await client.get(`/jobs/${restart}`)), before, parts, job);
  else if (request.query?.restart && request.method !== "DELETE") {
    output.note("the server restarts no engine (its engine.restart is none): restart it yourself");
  }
}

/** Restarts the engine, and prints what came of it. */
export async function restartEngine({ client, output }: ChangeParts): Promise<void> {
  const display = await createDisplay(output);
  using interrupts = new Interrupts(() => display.clear());
  const parts = { client, output, display, interrupts };
  const before = await rulesBefore(parts);
  const { body } = await client.send("/engine/restart", { method: "POST" });
  await followRestart(asJobView(body), before, parts);
}

type Parts = Parameters<typeof followChange>[1];

/** An interrupt ends this: no change has been asked for so far. */
async function rulesBefore({ client, interrupts }: Parts): Promise<RuleStates | undefined> {
  using asking = interrupts.abortable();
  return await readRules(client, asking.signal);
}

async function sendChange(request: ChangeRequest, { client, display, interrupts }: Parts): Promise<Reply> {
  const { method, json, zip } = request;
  const wishes = Object.entries(request.query ?? {}).filter(([, isWanted]) => isWanted);
  const path = request.path + (wishes.length === 0 ? "" : `?${wishes.map(([name]) => `${name}=1`).join("&")}`);
  const prefer = { prefer: "respond-async" };
  // Until it was sent, an interrupt ends it; then there is a job.
  using sending = interrupts.abortable();
  const { signal } = sending;
  try {
    if (zip === undefined) {
      return await client.send(path, { method, headers: prefer, signal, ...(json === undefined ? {} : { json }) });
    }
    const { pluginForm } = await import("../server/plugin-form.ts");
    const form = await pluginForm(zip.file, zip.fields, (bytes, total) => display.sending(bytes, total));
    return await client.send(path, { method, headers: { ...prefer, ...form.headers }, body: form.body, signal });
  } finally {
    display.clear();
  }
}

/** The end of a change that was answered at once, as its job would have it. */
function asEnded({ status, body, headers }: Reply): JobView {
  if (jobIdOf(headers.job) === undefined) throw noAnswer("answer to a change, so whether it was made is not known");
  const ours = Object.entries(headers).filter(([name]) => name.startsWith("plugin-") || name === "job");
  const result = { status, body, headers: Object.fromEntries(ours.map(([name, value]) => [name, String(value)])) };
  return { id: "", action: "", state: "done", stage: "", result };
}

/** Prints how a job ended. @throws CommandFailure unless that was well */
export async function printEnd(job: JobView, output: Output): Promise<void> {
  const { result, state, id } = job;
  if (result?.error !== undefined) {
    const more = job.log === undefined ? "" : `\nwhat install.sh printed: kuiper-plugins jobs ${id} --log`;
    const message = `${result.message ?? result.error}${more}${nextStep(job)}`;
    // SHUTTING_DOWN is what a request is refused with, too; here a change has begun.
    if (state === "interrupted") throw new CommandFailure(result.error, message, EXIT_STATUS.cancelled);
    throw new ServerRefusal(result.error, message, result.status);
  }
  if (state === "failed" || state === "cancelled" || state === "interrupted") {
    throw new CommandFailure(state.toUpperCase(), `the job ended as ${state}`, exitStatusOf(state.toUpperCase(), 400));
  }
  if (typeof result?.body === "string") output.line(result.body.trim());
  const headers = result?.headers ?? {};
  const verdict = await structured(headers["plugin-compatibility"]);
  if (verdict !== undefined)
    output.line(`compared with the engine: ${withReason(verdictWords(verdict.value), verdict)}`);
  const activation = await structured(headers["plugin-activation"]);
  if (activation !== undefined) {
    output.line(`in the engine: ${withReason(ENGINE_WORDS[activation.value] ?? activation.value, activation)}`);
  }
  if (headers["plugin-used-by"] !== undefined) output.line(`used by the rules ${headers["plugin-used-by"]}`);
}

/** What most who are refused so want in fact. */
function nextStep({ action, plugin, result }: JobView): string {
  const { error, message = "" } = result ?? {};
  if (plugin === undefined) return "";
  if (action === "install" && error === "NAME_TAKEN" && !message.includes("/jobs/")) {
    return `\nto put another version into its place: kuiper-plugins update; to see it: kuiper-plugins show ${plugin.type}/${plugin.name}`;
  }
  if (action === "install" && error === "NAME_MARKED_DELETED") {
    return "\nto use the name again: restart the engine, and the plugin server too unless it stands in front of the engine (engine.url)";
  }
  if (action === "update" && error === "PLUGIN_NOT_FOUND") return "\nto install it: kuiper-plugins install";
  return "";
}

interface StructuredItem {
  readonly value: string;
  readonly reason: string | undefined;
}

/** `incompatible; reason="…"`, a structured field; undefined where there is none, or of another form. */
async function structured(header: string | undefined): Promise<StructuredItem | undefined> {
  if (header === undefined) return undefined;
  const { parseItem } = await import("structured-headers");
  try {
    const [bare, parameters] = parseItem(header);
    const reason = parameters.get("reason");
    return { value: String(bare), reason: typeof reason === "string" ? reason : undefined };
  } catch {
    return undefined;
  }
}

function withReason(words: string, { reason }: StructuredItem): string {
  return reason === undefined ? words : `${words}: ${reason}`;
}

async function followRestart(
  first: JobView,
  before: RuleStates | undefined,
  parts: Parts,
  change?: JobView,
): Promise<void> {
  const { client, output } = parts;
  output.note("restarting the engine");
  const job = await followChange(first, parts);
  const after = await readRules(client);
  const rules = { before: before && Object.fromEntries(before), after: after && Object.fromEntries(after) };
  output.json(change === undefined ? { ...job, rules } : { ...change, restart: { ...job, rules } });
  if (job.result?.error === undefined) printOutcome(job, output);
  printRules(output, before, after);
  await printEnd(job, output);
  const { outcome } = restartBody(job);
  if (outcome === "healthy") return;
  throw new CommandFailure("ENGINE_WORSE", `the restart ended as ${String(outcome)}`, EXIT_STATUS.engineWorse);
}

function printOutcome(job: JobView, output: Output): void {
  const body = restartBody(job);
  output.line(OUTCOME_WORDS[String(body.outcome)] ?? String(body.outcome));
  if (typeof body.reason === "string") output.line(`  ${body.reason}`);
  for (const { kind, id, reason } of objectsIn(body.worse)) output.line(`  ${kind} ${id}: ${reason}`);
  for (const { type, name, from, to } of objectsIn(body.undone)) {
    output.line(`  undone: ${type}/${name}, ${from ?? "not installed"} to ${to ?? "removed"}`);
  }
  for (const one of objectsIn(body.notUndone)) output.line(`  not undone: ${one.type}/${one.name}: ${one.reason}`);
  if (Array.isArray(body.output)) for (const line of body.output) output.line(`  | ${line}`);
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  healthy: "the engine is restarted, and nothing is worse than before",
  degraded: "the engine is restarted, and something is worse than before",
  "rolled-back": "the engine is restarted; its changes were undone, since something was worse with them",
  unreachable: "the engine did not come back",
};
