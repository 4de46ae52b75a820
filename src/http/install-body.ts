import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { ARGUMENTS_LIMIT, MAX_ARGUMENT_BYTES, MAX_ARGUMENTS } from "../domain/install-request.ts";
import { ZIP_TYPES } from "../incoming/body-kind.ts";
import type { Fields } from "../incoming/fields.ts";
import type { BodyDecoder, BodyRules } from "./body/decode-body.ts";
import { optionalFunctionList, optionalString, optionalUri } from "./schemas.ts";

const MAX_SIGNATURE_BYTES = 16 * 1024;
const MAX_STATEMENT_BYTES = 64 * 1024;
/** In base64, with line ends. */
const MAX_STATEMENT_LETTERS = 96 * 1024;

const stringLike = (pattern: string, maxLength: number, description: string) =>
  Type.Optional(Type.Union([Type.String({ pattern, maxLength }), Type.Null()], { description }));

/** NUL ends a string for the operating system: an argument with one can't be passed on. */
const Argument = Type.String({ pattern: "^[^\\0]*$", maxLength: MAX_ARGUMENT_BYTES });
const ArgumentList = Type.Array(Argument, { maxItems: MAX_ARGUMENTS });

/** The body of a create, an update and an inspection. Other fields are ignored. */
export const InstallBodySchema = Type.Object(
  {
    name: optionalString,
    file: optionalUri,
    sha256: stringLike("^[0-9a-fA-F]{64}$", 64, "64 hexadecimal digits"),
    signature: stringLike(
      "^[A-Za-z0-9+/=_\\s-]+$",
      MAX_SIGNATURE_BYTES,
      `base64 of at most ${MAX_SIGNATURE_BYTES} letters`,
    ),
    statement: stringLike(
      "^[A-Za-z0-9+/=_\\s-]+$",
      MAX_STATEMENT_LETTERS,
      `base64 of at most ${MAX_STATEMENT_LETTERS} letters`,
    ),
    allowDowngrade: Type.Optional(Type.Union([Type.Boolean(), Type.Null()], { description: "true or false" })),
    shellParas: Type.Optional(
      Type.Union([ArgumentList, Type.Null()], {
        description: "a list of strings without NUL characters",
        limit: ARGUMENTS_LIMIT,
      }),
    ),
    functions: optionalFunctionList,
  },
  { description: "name and file" },
);

const RULES: BodyRules = {
  schema: InstallBodySchema,
  lists: ["shellParas", "functions"],
  fileTypes: ZIP_TYPES,
  encodedFiles: { signature: MAX_SIGNATURE_BYTES, statement: MAX_STATEMENT_BYTES },
  normalize,
};

/**
 * The preValidation hook of a route with `bodyAsStream` for a request to install: as JSON of any content type, as a zip
 * with the fields in the query, or as a form.
 *
 * @param admit refuses a zip that need not be received, see `FormRules`
 */
export function decodeInstallBody(
  bodies: BodyDecoder,
  admit?: BodyRules["admit"],
): (request: FastifyRequest) => Promise<void> {
  return bodies.decode(admit === undefined ? RULES : { ...RULES, admit });
}

function normalize(fields: Fields, from: "query" | "body"): Fields {
  const { sha256, allowDowngrade } = fields;
  return {
    ...fields,
    // Registries write a digest with its algorithm.
    ...(typeof sha256 === "string" ? { sha256: sha256.trim().replace(/^sha256:/i, "") } : {}),
    // A plus of base64 that was not percent-encoded is a space in a query.
    ...(from === "query" ? { ...withPlus(fields, "signature"), ...withPlus(fields, "statement") } : {}),
    // A form and a query have strings only.
    ...(allowDowngrade === "true" || allowDowngrade === "false" ? { allowDowngrade: allowDowngrade === "true" } : {}),
  };
}

function withPlus(fields: Fields, name: string): Fields {
  const value = fields[name];
  return typeof value === "string" ? { [name]: value.replaceAll(" ", "+") } : {};
}
