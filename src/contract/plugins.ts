import { type Static, Type } from "@sinclair/typebox";
import { PLUGIN_TYPES } from "../domain/plugin.ts";
import { Compatibility, EngineFunctions, Verdict } from "./compatibility.ts";
import { count, listOf, named, oneOf, orNull, sha256, text, time } from "./shapes.ts";

export const PluginType = oneOf(PLUGIN_TYPES, { $id: "PluginType", description: "The kind of plugin" });
export type PluginType = Static<typeof PluginType>;

export const Signature = named(
  "Signature",
  {
    state: oneOf(["verified", "unsigned", "not-asked"]),
    by: Type.Optional(text("The file in etc/trust of the key")),
  },
  "Who signed a plugin. `not-asked`: no keys are configured, and none is required",
);
export type Signature = Static<typeof Signature>;

/** Whether the engine's process has a plugin; only in front of an engine. */
const engineState = {
  engine: Type.Optional(oneOf(["loaded", "restart-required", "failed", "unknown"])),
  engineReason: Type.Optional(text("Why, unless it is loaded")),
};

export const PluginSummary = named(
  "PluginSummary",
  {
    type: PluginType,
    name: Type.String(),
    version: text("Empty where the plugin has none"),
    origin: orNull(Type.String(), "Where it was downloaded from, without credentials"),
    verdict: orNull(Verdict, "Null where `engine.verify` is `off`"),
    reason: Type.Optional(text("Of the verdict, where it has one")),
    signature: Signature,
    ...engineState,
    rules: Type.Optional(
      orNull(count(), "How many rules need it, with `?rules=1`; null while the engine can't be asked"),
    ),
  },
  "A plugin in the list of all",
);
export type PluginSummary = Static<typeof PluginSummary>;

export const InstalledFile = named("InstalledFile", {
  path: text("Below the base folder: `plugins/sources/Random@v1.0.0.so`"),
  sha256: Type.Optional(sha256("Absent for a file that was copied in by hand")),
  bytes: Type.Optional(count()),
  defaultOf: Type.Optional(text("Of a `.new`: the edited file whose default it is")),
});
export type InstalledFile = Static<typeof InstalledFile>;

export const Verified = named(
  "Verified",
  {
    sha256: Type.Optional(Type.Literal(true, { description: "The request named the zip's SHA-256" })),
    signature: Type.Optional(
      Type.Object({
        key: text("The file in etc/trust"),
        algorithm: Type.String(),
        fingerprint: sha256("Of the key as DER (SPKI)"),
      }),
    ),
    statement: Type.Optional(
      Type.Object({ type: Type.String(), name: Type.String(), version: Type.Optional(Type.String()) }),
    ),
  },
  "What was proven of the zip before it was unpacked",
);
export type Verified = Static<typeof Verified>;

/** What every version of a plugin has. */
const versionFields = {
  version: text("Empty where the plugin has none"),
  soFile: text("The file that the engine loads"),
  files: listOf(InstalledFile),
  unplaced: Type.Optional(listOf(Type.String(), "Configuration that was not put into place: a sentence for each")),
  functions: Type.Optional(listOf(Type.String(), "The registered functions of a function plugin")),
  origin: Type.Optional(text("Where it was downloaded from, without credentials")),
  sha256: Type.Optional(sha256("Of the zip")),
  bytes: Type.Optional(count("Of the zip")),
  verified: Type.Optional(Verified),
  installedAt: Type.Optional(time()),
};

export const UsedBy = named("UsedBy", {
  rules: listOf(Type.String(), "Ids of rules, running or not"),
  streams: listOf(Type.String(), "Names of streams and tables"),
});
export type UsedBy = Static<typeof UsedBy>;

export const PluginDescription = named(
  "PluginDescription",
  {
    name: Type.String(),
    ...versionFields,
    compatibility: Type.Optional(Compatibility),
    unregistered: Type.Optional(listOf(Type.String(), "Functions that it exports and that are not registered")),
    engineFunctions: Type.Optional(EngineFunctions),
    ...engineState,
    usedBy: Type.Optional(orNull(UsedBy, "Null while the engine can't be asked")),
    log: Type.Optional(text("The path of what install.sh printed; absent if it printed nothing")),
  },
  "A plugin, with its files",
);
export type PluginDescription = Static<typeof PluginDescription>;

export const VersionDescription = named(
  "VersionDescription",
  {
    id: text("Names the version: the same for the same files"),
    current: Type.Boolean({ description: "Whether it is the one that is installed" }),
    ...versionFields,
    undone: Type.Optional(text("Why a restart of the engine undid it")),
  },
  "A version that is installed, or that a rollback can bring back",
);
export type VersionDescription = Static<typeof VersionDescription>;

export const FunctionDescription = named("FunctionDescription", {
  name: Type.String(),
  plugin: text("The function plugin that has it"),
});
export type FunctionDescription = Static<typeof FunctionDescription>;
