import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { type BodyRules, type Fields, ZIP_TYPES } from "./body/file-rules.ts";
import type { IncomingBodies } from "./body/incoming-bodies.ts";
import { textField } from "./schemas.ts";

const MAX_SIGNATURE_BYTES = 16 * 1024;

const textOf = (pattern: string, maxLength: number, description: string) =>
  Type.Optional(Type.Union([Type.String({ pattern, maxLength }), Type.Null()], { description }));
const texts = (description: string) =>
  // NUL ends a text for the operating system: an argument with one can't be passed on.
  Type.Optional(Type.Union([Type.Array(Type.String({ pattern: "^[^\\0]*$" })), Type.Null()], { description }));

/** The body of a create, an update and an inspection. Fields that are not named here are ignored. */
export const InstallBodySchema = Type.Object(
  {
    name: textField,
    file: textField,
    sha256: textOf("^[0-9a-fA-F]{64}$", 64, "64 hexadecimal digits"),
    signature: textOf(
      "^[A-Za-z0-9+/=_\\s-]+$",
      MAX_SIGNATURE_BYTES,
      `base64 of at most ${MAX_SIGNATURE_BYTES} letters`,
    ),
    shellParas: texts("a list of texts without NUL characters"),
    functions: texts("a list of names"),
  },
  { description: "name and file" },
);

const RULES: BodyRules = {
  schema: InstallBodySchema,
  lists: ["shellParas", "functions"],
  fileTypes: ZIP_TYPES,
  encodedFiles: { signature: MAX_SIGNATURE_BYTES },
  tidy,
};

/**
 * The hook before validation of a route with `bodyAsStream` that takes an order: as JSON of any content type, as a zip
 * with the fields in the query, or as a form.
 *
 * @param admit refuses a zip that need not be received, see `FileRules`
 */
export function decodeInstallBody(
  bodies: IncomingBodies,
  admit?: BodyRules["admit"],
): (request: FastifyRequest) => Promise<void> {
  return bodies.decode(admit === undefined ? RULES : { ...RULES, admit });
}

function tidy(fields: Fields, from: "query" | "body"): Fields {
  const { sha256, signature } = fields;
  return {
    ...fields,
    // As registries write a digest.
    ...(typeof sha256 === "string" ? { sha256: sha256.trim().replace(/^sha256:/i, "") } : {}),
    // A plus of base64 that was not encoded is a space in a query.
    ...(typeof signature === "string" && from === "query" ? { signature: signature.replaceAll(" ", "+") } : {}),
  };
}
