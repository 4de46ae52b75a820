import type { TObject } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { PluginError } from "../../domain/errors.ts";
import { bodyObjection } from "./json-body.ts";

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
  if (objection === undefined) return;
  const schema = request.routeOptions.schema?.body as TObject;
  throw new PluginError("BODY_INVALID", bodyObjection(schema, objection.instancePath));
}
