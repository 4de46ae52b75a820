import { objectsIn } from "../../lib/objects.ts";
import type { Output } from "../output/output.ts";
import type { ServerClient } from "../server/server-client.ts";

/** How each rule of the engine is, in its own words, by its id. */
export type RuleStates = ReadonlyMap<string, string>;

/** The server passes this question on to its engine. undefined where that can't be asked. @throws the signal's reason */
export async function readRules(client: ServerClient, signal?: AbortSignal): Promise<RuleStates | undefined> {
  try {
    const rules = objectsIn(await client.get("/rules", signal));
    return new Map(rules.map(({ id, status }) => [String(id), String(status ?? "unknown")]));
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** The rules before and after a restart, those that changed first. */
export function printRules(output: Output, before: RuleStates | undefined, after: RuleStates | undefined): void {
  const ids = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  const rows = [...ids].map((id) => [id, before?.get(id) ?? "?", after?.get(id) ?? "?"]);
  const hasChanged = ([, one, other]: readonly string[]) => Number(one === other);
  rows.sort((one, other) => hasChanged(one) - hasChanged(other));
  if (rows.length === 0) return;
  output.line();
  output.table(["RULE", "BEFORE", "AFTER"], rows, (_, row) =>
    hasChanged(rows[row] ?? []) === 1 ? undefined : "yellow",
  );
}
