import { type TObject, Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../domain/errors.ts";
import { MAX_URI_LENGTH } from "../domain/plugin-uri.ts";
import { fieldObjection } from "../incoming/fields.ts";

/** The parameters of a route with `:name`. */
export const NameParams = Type.Object({ name: Type.String() });

/** Whether a parameter of any type is `1`. Of one that is repeated the first value counts. */
export function isOne(value: unknown): boolean {
  return (Array.isArray(value) ? value[0] : value) === "1";
}

/** `?restart=1` and `?stop=1`, and `?force=1` for what rules use. Any type: unknown values are ignored. */
export const RestartQuery = Type.Object({
  restart: Type.Optional(Type.Unknown()),
  stop: Type.Optional(Type.Unknown()),
  force: Type.Optional(Type.Unknown()),
});

/** A field that is a string, null or absent. */
export const optionalString = Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "a string" }));

/** The address of a file: a string, null or absent. */
export const optionalUri = Type.Optional(
  Type.Union([Type.String({ maxLength: MAX_URI_LENGTH }), Type.Null()], {
    description: "a string",
    limit: `at most ${MAX_URI_LENGTH} characters`,
  }),
);

/** The most names of functions that one request has; a plugin has a handful. */
const MAX_FUNCTIONS = 1000;
const MAX_FUNCTION_LENGTH = 255;

/** The names of a plugin's functions: what is no name is refused later, in the words for that. */
const NAME_LIST = {
  description: "a list of names",
  limit: `at most ${MAX_FUNCTIONS} names of at most ${MAX_FUNCTION_LENGTH} characters`,
} as const;
export const functionList = Type.Array(Type.String({ maxLength: MAX_FUNCTION_LENGTH }), {
  maxItems: MAX_FUNCTIONS,
  ...NAME_LIST,
});
export const optionalFunctionList = Type.Optional(Type.Union([functionList, Type.Null()], NAME_LIST));

/** What TypeBox's compiler makes of a schema; Fastify's type is that of Ajv. */
type Validate = (value: unknown) => { readonly error?: readonly { readonly instancePath: string }[] };

/**
 * Validates fields against the schema of the route's body now, rather than after the hooks.
 *
 * @throws PluginError BODY_INVALID
 */
export function refuseInvalid(request: FastifyRequest, fields: unknown): void {
  const validate = request.getValidationFunction("body") as unknown as Validate;
  const objection = validate(fields).error?.[0];
  if (objection !== undefined) throw invalidBody(request, objection.instancePath, fields);
}

/** The failure of a body that the schema of its route refused, at `instancePath`. */
export function invalidBody(request: FastifyRequest, instancePath = "", fields: unknown = request.body): PluginError {
  const schema = request.routeOptions.schema?.body as TObject;
  return new PluginError("BODY_INVALID", fieldObjection(schema, instancePath, fields));
}
