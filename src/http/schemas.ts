import { type TObject, Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../domain/errors.ts";
import { fieldObjection } from "../incoming/fields.ts";

/** The parameters of a route with `:name`. */
export const NameParams = Type.Object({ name: Type.String() });

/** A field that is a string, null or absent. */
export const optionalString = Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "a string" }));

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
  if (objection !== undefined) throw invalidBody(request, objection.instancePath);
}

/** The failure of a body that the schema of its route refused, at `instancePath`. */
export function invalidBody(request: FastifyRequest, instancePath = ""): PluginError {
  const schema = request.routeOptions.schema?.body as TObject;
  return new PluginError("BODY_INVALID", fieldObjection(schema, instancePath));
}
