import { FormatRegistry, type TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import type { FastifyValidationResult } from "fastify/types/schema.js";
import { isBase64 } from "../lib/text.ts";

/** For a schema with `format: "base64"`; TypeBox knows no formats of its own. */
export const BASE64 = "base64";
FormatRegistry.Set(BASE64, isBase64);

interface RouteSchema {
  readonly schema: TSchema;
  readonly httpPart?: string | undefined;
}

/**
 * Compiles the schema of a route on its first request: a start would wait for every route's. Of what is wrong only the
 * first error is made, since a list of half a million numbers has half a million.
 */
export function compileValidator({ schema, httpPart }: RouteSchema): FastifyValidationResult {
  let check: TypeCheck<TSchema> | undefined;
  return (value) => {
    check ??= TypeCompiler.Compile(schema);
    const converted = httpPart === "body" ? value : Value.Convert(schema, value);
    if (check.Check(converted)) return { value: converted };
    const first = check.Errors(converted).First();
    const { message = "", path: instancePath = "" } = first ?? {};
    return { error: [{ message, instancePath, keyword: "", schemaPath: "", params: {} }] };
  };
}

/** Keeps Fastify from loading Ajv and fast-json-stringify: TypeBox checks the schemas, and replies have none. */
export const NO_COMPILERS = { compilersFactory: { buildValidator: neverBuilt, buildSerializer: neverBuilt } };

function neverBuilt(): never {
  throw new Error("schemas are compiled by TypeBox, and replies have none");
}
