import { type Static, Type } from "@sinclair/typebox";
import { Verdict } from "./compatibility.ts";
import { PluginType } from "./plugins.ts";
import { byName, listOf, named, orNull, text } from "./shapes.ts";

export const Prebuild = byName(Type.String(), {
  $id: "Prebuild",
  description: "The plugins that the plugin hosts offer for this system: name and URL of the zip",
});
export type Prebuild = Static<typeof Prebuild>;

export const OfferedPlugin = named(
  "OfferedPlugin",
  {
    type: PluginType,
    name: Type.String(),
    version: orNull(Type.String(), "Null where the host does not say"),
    url: text("Of the zip"),
    host: Type.String(),
    installed: orNull(Type.String(), "The installed version"),
    newer: orNull(Type.Boolean(), "Whether it is newer than the installed one; null where that is not known"),
    loads: Verdict,
    reason: Type.Optional(text("Of `loads`")),
  },
  "A plugin that a host offers",
);
export type OfferedPlugin = Static<typeof OfferedPlugin>;

export const FailedHost = named("FailedHost", { host: Type.String(), url: Type.String(), reason: Type.String() });
export type FailedHost = Static<typeof FailedHost>;

export const PrebuildDetails = named("PrebuildDetails", {
  plugins: listOf(OfferedPlugin),
  failed: listOf(FailedHost),
});
export type PrebuildDetails = Static<typeof PrebuildDetails>;
