import { membersOf, stringsIn } from "../../lib/objects.ts";
import { isFrom } from "../engine-version.ts";
import type { Ask } from "../questions.ts";

/** A stream or table of the engine, and the source that it reads. */
export interface Stream {
  readonly name: string;
  readonly type: string;
}

/** Streams and tables that are looked at; further ones are left out. */
const MAX_STREAMS = 10_000;
/** What the engine takes where none is named. */
const DEFAULT_TYPE = "mqtt";

/** @throws PluginError ENGINE_UNREACHABLE, ENGINE_REFUSED */
export async function askStreams(version: string, ask: Ask): Promise<Stream[]> {
  const kinds = isFrom(version, 1, 2) ? ["streams", "tables"] : ["streams"];
  const listed = await Promise.all(
    kinds.map(async (kind) => stringsIn(await ask(`/${kind}`)).map((name) => ({ kind, name }))),
  );
  return Promise.all(
    listed
      .flat()
      .slice(0, MAX_STREAMS)
      .map(async ({ kind, name }) => {
        // One that was deleted since it was listed reads nothing.
        const described = await ask(`/${kind}/${encodeURIComponent(name)}`).catch(() => undefined);
        return { name, type: typeOf(membersOf(membersOf(described).Options)) };
      }),
  );
}

/** `TYPE` in 1.0, `type` in later versions. */
function typeOf(options: Readonly<Record<string, unknown>>): string {
  const type = options.TYPE ?? options.type;
  return typeof type === "string" && type !== "" ? type : DEFAULT_TYPE;
}
