import { type Static, Type } from "@sinclair/typebox";
import { PluginType } from "./plugins.ts";
import { listOf, named, oneOf, orNull, text, time } from "./shapes.ts";

export const PendingChange = named(
  "PendingChange",
  {
    type: PluginType,
    name: Type.String(),
    change: oneOf(["install", "update", "delete"]),
    since: orNull(time(), "Null for a plugin that was copied in by hand"),
  },
  "A change that waits for a restart of the engine",
);
export type PendingChange = Static<typeof PendingChange>;

export const EngineReport = named(
  "EngineReport",
  {
    url: text("Without credentials"),
    reachable: Type.Boolean(),
    reason: Type.Optional(text("Why it can't be asked")),
    version: orNull(Type.String()),
    upTimeSeconds: orNull(Type.Number({ minimum: 0 })),
    restart: oneOf(["command", "stop", "none"]),
    pending: listOf(PendingChange),
  },
  "The engine in front of which this server stands",
);
export type EngineReport = Static<typeof EngineReport>;

export const Worse = named(
  "Worse",
  {
    kind: oneOf(["plugin", "rule"]),
    id: text("Of a plugin its type and name: `sources/random`"),
    reason: text("With the engine's own words"),
  },
  "What is worse than before a restart of the engine",
);
export type Worse = Static<typeof Worse>;

const undone = {
  type: PluginType,
  name: Type.String(),
  from: orNull(Type.String(), "Null for an install"),
  to: orNull(Type.String(), "Null for a delete"),
};

export const UndoneChange = named("UndoneChange", undone, "A change from one version to another that was undone");
export type UndoneChange = Static<typeof UndoneChange>;

export const RestartResult = named(
  "RestartResult",
  {
    outcome: oneOf(["healthy", "degraded", "rolled-back", "unreachable"]),
    worse: listOf(Worse, "At most 200. After a rollback: what was worse before it"),
    undone: listOf(UndoneChange),
    notUndone: Type.Optional(listOf(Type.Object({ ...undone, reason: Type.String() }))),
    reason: Type.Optional(text("Why the engine did not come back, at first or at all")),
    output: Type.Optional(listOf(Type.String(), "The last lines of the command of `engine.restart`")),
  },
  "How a restart of the engine ended",
);
export type RestartResult = Static<typeof RestartResult>;
