import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";

/**
 * A schema with a name: that of its type, in the OpenAPI document as in the code. Others refer to it by the name.
 *
 * @param description one sentence, for readers of the document
 */
export function named<P extends TProperties>(name: string, properties: P, description?: string) {
  return Type.Object(properties, { $id: name, ...(description === undefined ? {} : { description }) });
}

/** One of these words. */
export function oneOf<const W extends readonly string[]>(
  words: W,
  options: { $id?: string; description?: string } = {},
) {
  return Type.Unsafe<W[number]>({ type: "string", enum: [...words], ...options });
}

/** A list that its reader does not change. */
export function listOf<T extends TSchema>(item: T, description?: string) {
  return Type.Unsafe<readonly Static<T>[]>(Type.Array(item, description === undefined ? {} : { description }));
}

export function orNull<T extends TSchema>(schema: T, description?: string) {
  return Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
}

/** An object with any names, such as those of plugins. */
export function byName<T extends TSchema>(value: T, options: { $id?: string; description?: string } = {}) {
  return Type.Unsafe<Readonly<Record<string, Static<T>>>>({ type: "object", additionalProperties: value, ...options });
}

/** ISO 8601, UTC. */
export const time = (description?: string) =>
  Type.String({ format: "date-time", ...(description === undefined ? {} : { description }) });

/** A whole number, 0 or more. */
export const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });

export const text = (description: string) => Type.String({ description });

export const sha256 = (description: string) => Type.String({ pattern: "^[0-9a-f]{64}$", description });
