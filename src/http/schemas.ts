import { Type } from "@sinclair/typebox";

/** The parameters of a route with `:name`. */
export const NameParams = Type.Object({ name: Type.String() });

/** The name in a route's parameters, for the words of its errors, which know no schema. */
export function nameOf(params: unknown): string {
  return (params as { name: string }).name;
}

/** A field that is a text, or left out. */
export const textField = Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "a text" }));
