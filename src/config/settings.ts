import { Kind, type TObject, type TSchema } from "@sinclair/typebox";
import { ConfigSchema } from "./schema.ts";

/** The prefix of the environment variables that override settings. */
export const ENV_PREFIX = "KUIPER__";

/** One setting: its place in the file (`["basic", "restPort"]`) and the schema of its value. */
export interface Setting {
  readonly path: readonly string[];
  readonly schema: TSchema;
}

/** Every setting, in the order of the schema. */
export function listSettings(): Setting[] {
  return leaves(ConfigSchema, []);
}

function leaves(section: TObject, path: readonly string[]): Setting[] {
  return Object.entries(section.properties).flatMap(([key, schema]) => {
    const here = [...path, key];
    return schema[Kind] === "Object" ? leaves(schema as TObject, here) : [{ path: here, schema }];
  });
}

/** The variable that overrides a setting, named as for the original's image: `KUIPER__BASIC__RESTPORT`. */
export function variableName(path: readonly string[]): string {
  return ENV_PREFIX + path.join("__").toUpperCase();
}

/** Whether a list may be a setting's value, besides words. */
export function takesList({ anyOf = [] }: TSchema): boolean {
  return anyOf.some((choice: TSchema) => choice.type === "array");
}

/** The allowed values, for an error message: `a whole number from 0 to 65535`. */
export function allowedValues(schema: TSchema): string {
  if (schema.anyOf !== undefined) {
    const words = schema.anyOf.flatMap((choice: TSchema) => choice.const ?? []).join(", ");
    return takesList(schema) ? `one of ${words}, or a list of strings` : `one of ${words}`;
  }
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${schema.minimum} to ${schema.maximum}`;
    case "number":
      return `a number from ${schema.minimum} to ${schema.maximum}`;
    case "array":
      return schema.items?.description ?? "a list of strings";
    default:
      return schema.minLength === undefined ? "a string" : "a string that is not empty";
  }
}
