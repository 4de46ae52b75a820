import { PluginError } from "../../domain/errors.ts";
import { membersOf, parsedJson } from "../../lib/objects.ts";
import { cutAt, printable } from "../../lib/text.ts";
import type { EngineClient } from "../engine-client.ts";
import { messageOf } from "../engine-message.ts";
import { listedRules } from "../rule-list.ts";

/** A rule of the engine. */
export interface RuleState {
  readonly runs: boolean;
  /** The engine's own words, such as `Running` or `Stopped: source type random not found`. */
  readonly status: string;
}

const MAX_STATUS = 1000;

/**
 * Which rules the engine has, by their ids, and which of them run.
 *
 * @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED
 */
export async function askRules(client: EngineClient, signal: AbortSignal): Promise<Map<string, RuleState>> {
  const list = await client.json("/rules", { signal });
  if (list === null) return new Map(); // Go's JSON of a list that was never made
  if (!Array.isArray(list)) throw new PluginError("ENGINE_REFUSED", "the engine answers /rules with what is no list");
  const named = listedRules(list).filter(({ id }) => id !== "");
  return new Map(named.map(({ id, isRunning, status }) => [id, { runs: isRunning, status: printable(status) }]));
}

/**
 * Why a rule does not run: the list of some engines says no more than `stopped`. A line of text in 1.0, JSON later.
 *
 * @throws PluginError ENGINE_UNREACHABLE
 */
export async function askWhyStopped(client: EngineClient, id: string, signal: AbortSignal): Promise<string> {
  const { text } = await client.ask(`/rules/${encodeURIComponent(id)}/status`, { signal });
  const message = messageOf(text);
  const { status = "" } = membersOf(parsedJson(text));
  if (typeof status !== "string" || !message.startsWith("{")) return printable(message);
  return printable(cutAt(status, MAX_STATUS));
}

/** Of both kinds Kuiper 1.0 says `Stopped: canceled manually or by error.` */
const BY_HAND_OR_BY_ERROR = /manually or by error/i;

/** Whether somebody stopped a rule, where its status leaves that open: the rule itself tells. */
export async function isStoppedByHand(
  client: EngineClient,
  { id, status }: { readonly id: string; readonly status: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (!BY_HAND_OR_BY_ERROR.test(status)) return false;
  const rule = await client.json(`/rules/${encodeURIComponent(id)}`, { signal }).catch(() => undefined);
  return membersOf(rule).triggered === false;
}
