import { Type } from "@sinclair/typebox";

/** A field that is a text, or left out. */
export const textField = Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "a text" }));
