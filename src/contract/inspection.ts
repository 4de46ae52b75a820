import { type Static, Type } from "@sinclair/typebox";
import { Compatibility, EngineFunctions } from "./compatibility.ts";
import { PluginType, Signature, Verified } from "./plugins.ts";
import { count, listOf, named, oneOf, orNull, sha256, text } from "./shapes.ts";

const Libc = oneOf(["glibc", "musl", "none", "static"]);

export const PluginFacts = named(
  "PluginFacts",
  {
    cpu: text("Go's name, such as `amd64`"),
    libc: Libc,
    glibc: text("The newest version of glibc that it needs; empty when it needs none"),
    libraries: listOf(Type.String(), "The shared libraries that it needs"),
    pluginPath: text("The import path of its package; empty when it is no Go plugin"),
    goVersion: text("Such as `go1.20.3`; empty when unknown"),
    packages: count("How many Go packages it contains"),
  },
  "What the .so says",
);
export type PluginFacts = Static<typeof PluginFacts>;

export const EngineSummary = named(
  "EngineSummary",
  {
    path: Type.String(),
    goVersion: text("Such as `go1.20.3`; empty when unknown"),
    cpu: text("Go's name, such as `amd64`"),
    libc: Libc,
    trimpath: Type.Optional(Type.Boolean({ description: "Absent when unknown" })),
    modules: count("How many Go modules it contains"),
  },
  "What the engine's binary says",
);
export type EngineSummary = Static<typeof EngineSummary>;

export const PlannedFile = named(
  "PlannedFile",
  {
    path: text("As in the `files` of the installed plugin"),
    bytes: count(),
    replaces: Type.Boolean({ description: "Whether something is there now" }),
  },
  "A file that an install would put into place",
);
export type PlannedFile = Static<typeof PlannedFile>;

export const InspectionReport = named(
  "InspectionReport",
  {
    type: PluginType,
    typeGuessed: Type.Optional(
      Type.Boolean({
        description: "True where nobody said the type and nothing in the zip tells it: it may be another",
      }),
    ),
    name: Type.String(),
    version: Type.String(),
    ...Compatibility.properties,
    sha256: sha256("Of the zip"),
    bytes: count("Of the zip"),
    verified: Type.Optional(Verified),
    signature: Signature,
    script: Type.Boolean({ description: "Whether there is an install.sh. It was not run" }),
    scriptText: Type.Optional(text("The text of install.sh, at most 64 KiB")),
    files: listOf(PlannedFile),
    installed: orNull(Type.Object({ version: Type.String() }), "The installed plugin of that type and name"),
    unregistered: Type.Optional(listOf(Type.String(), "Functions that it exports and that the request does not name")),
    engineFunctions: Type.Optional(EngineFunctions),
    plugin: Type.Optional(PluginFacts),
    engine: Type.Optional(EngineSummary),
  },
  "What an install of the zip would find, without anything being installed",
);
export type InspectionReport = Static<typeof InspectionReport>;
