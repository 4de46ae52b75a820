import { type Static, Type } from "@sinclair/typebox";
import { named, text } from "./shapes.ts";

const version = text("Of this server");
const upTimeSeconds = Type.Integer({ minimum: 0 });

export const About = named(
  "About",
  {
    version,
    os: text("Go's name of the system, such as `linux`"),
    upTimeSeconds,
    engine: Type.Optional(Type.Literal("unreachable")),
  },
  "This server",
);
export type About = Static<typeof About>;

export const EngineAbout = Type.Object(
  { pluginServer: Type.Object({ version, upTimeSeconds }) },
  {
    $id: "EngineAbout",
    description: "The engine's own answer, with this server's in it",
    additionalProperties: true,
  },
);
export type EngineAbout = Static<typeof EngineAbout>;
